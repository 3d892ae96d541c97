//! Query parameters, read as Keycloak reads them: a number that is none answers 404.

use percent_encoding::percent_decode_str;

use crate::error::Error;

/// The parameters of a query, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// How many to leave out.
    pub(crate) first: usize,
    /// How many at most; `None`: all.
    pub(crate) max: Option<usize>,
}

/// How many entries a list has at most where Keycloak has such a bound.
pub(crate) const DEFAULT_MAX: usize = 100;

impl Query {
    /// Reads the query of a URL.
    pub(crate) fn read(text: Option<&str>) -> Self {
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(n, v)| (decode(n), decode(v)))
                .collect(),
        )
    }

    /// The first value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The first value of that name, unless it is empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// A switch: `true` in any case is on, anything else off, nothing is nothing.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.filled(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A whole number of 32 bits.
    ///
    /// # Errors
    /// 404, Keycloak's answer to a number that is none.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Error> {
        let number = self.filled(name).map(str::parse::<i32>).transpose();
        Ok(number.map_err(|_| Error::no_path())?.map(i64::from))
    }

    /// `first` and `max`; `default` where no `max` came. A negative `max` is none.
    ///
    /// # Errors
    /// 404 for a number that is none.
    pub(crate) fn page(&self, default: Option<usize>) -> Result<Page, Error> {
        let first = usize::try_from(self.number("first")?.unwrap_or(0)).unwrap_or(0);
        let max = match self.number("max")? {
            None => default,
            Some(max) => usize::try_from(max).ok(),
        };
        Ok(Page { first, max })
    }
}

impl Page {
    /// The part of a list that is asked for.
    pub(crate) fn of<T>(self, list: impl IntoIterator<Item = T>) -> Vec<T> {
        list.into_iter().skip(self.first).take(self.max.unwrap_or(usize::MAX)).collect()
    }

    /// How many to leave out, as the store counts.
    pub(crate) fn offset(self) -> i64 {
        i64::try_from(self.first).unwrap_or(i64::MAX)
    }

    /// How many at most, as the store counts.
    pub(crate) fn limit(self) -> Option<i64> {
        self.max.map(|max| i64::try_from(max).unwrap_or(i64::MAX))
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_numbers_or_lead_nowhere() {
        let query = Query::read(Some("first=-5&max=0&search=a%20b+c&exact=TRUE&empty="));

        assert_eq!(query.page(Some(100)).ok(), Some(Page { first: 0, max: Some(0) }));
        assert_eq!(query.get("search"), Some("a b c"));
        assert_eq!(
            (query.flag("exact"), query.flag("nope"), query.filled("empty")),
            (Some(true), None, None)
        );
        assert!(Query::read(Some("max=x")).page(None).is_err());
        assert_eq!(Query::read(Some("max=-1")).page(Some(100)).ok(), Some(Page { first: 0, max: None }));
    }
}
