//! Addresses of the login's own endpoints.

use url::form_urlencoded::Serializer;

use super::Journey;

/// The links of one page. What continues the login is the same in all of them, and sealed once.
pub(crate) struct Links<'a> {
    journey: &'a Journey,
    base: String,
    continuation: String,
}

impl Journey {
    /// For the links of a page.
    pub(crate) fn links(&self) -> Links<'_> {
        let mut query = Serializer::new(String::new());
        query.append_pair("client_id", &self.request.client_id).append_pair("tab_id", &self.tab_id);
        let mut continuation = query.finish();
        if let Some(data) = self.login.parts().sealing.seal_request(self.place(), &self.request) {
            // It is base64url: nothing in it is written otherwise in a query.
            continuation.push_str("&client_data=");
            continuation.push_str(&data);
        }
        Links { journey: self, base: self.browser.origin.issuer(&self.browser.realm.realm), continuation }
    }
}

impl Links<'_> {
    /// The address of an endpoint: at one of its executions, and with the code of a form or without.
    pub(crate) fn to(&self, endpoint: &str, execution: Option<&str>, with_code: bool) -> String {
        let mut step = Serializer::new(String::new());
        if with_code {
            step.append_pair("session_code", &self.journey.session_code());
        }
        if let Some(execution) = execution {
            step.append_pair("execution", execution);
        }
        let step = step.finish();
        let and = if step.is_empty() { "" } else { "&" };
        format!("{}/login-actions/{endpoint}?{step}{and}{}", self.base, self.continuation)
    }
}
