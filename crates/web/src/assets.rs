//! Styles, scripts and icons: compiled in, joined, hashed and compressed once.
//!
//! A file's address holds a hash of its bytes, so it may be cached for a year and never be stale. A page
//! made by a node of another release asks for another hash: it gets our file of that name, uncached,
//! because a page without styles is worse than one with slightly newer ones. Nothing is read from disk
//! at run time, and no name from a request ever becomes a path.

use std::io::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

use crate::accept;

/// A file that pages refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asset {
    /// Styles of every page on the way in and out.
    SignInStyle,
    /// Styles of the console and the account pages.
    ConsoleStyle,
    /// Show password, Caps Lock hint, busy label, copy.
    SignInScript,
    /// Sends the one form of a page that only passes a message on.
    SubmitScript,
    /// Follows the link of the sign-out page once every application was told.
    SignOutScript,
    /// The mark, as the icon of the browser's tab.
    Mark,
}

struct File {
    name: &'static str,
    kind: &'static str,
    path: String,
    etag: HeaderValue,
    raw: Bytes,
    gzip: Bytes,
}

const TOKENS: &str = include_str!("../../../web/styles/tokens.css");
const CONTROLS: &str = include_str!("../../../web/styles/controls.css");

// In the order of `Asset`.
static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let css = "text/css; charset=utf-8";
    let js = "text/javascript; charset=utf-8";
    let sign_in = [TOKENS, CONTROLS, include_str!("../../../web/styles/signin.css")].concat();
    let console = [TOKENS, CONTROLS, include_str!("../../../web/styles/console.css")].concat();
    vec![
        file("sign-in.css", css, sign_in),
        file("console.css", css, console),
        file("sign-in.js", js, include_str!("../../../web/scripts/signin.js").into()),
        file("submit.js", js, include_str!("../../../web/scripts/submit.js").into()),
        file("sign-out.js", js, include_str!("../../../web/scripts/signout.js").into()),
        file("mark.svg", "image/svg+xml", include_str!("../../../web/icons/mark.svg").into()),
    ]
});

/// The address of a file below the server's root, with a hash of its content: `/resources/{hash}/{name}`.
pub fn path(asset: Asset) -> &'static str {
    &FILES[asset as usize].path
}

/// The route that serves the files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/resources/{hash}/{name}", get(serve))
}

/// A page's markup with its files' addresses made relative, to be opened from a folder that holds [`files`].
pub fn with_files_beside(html: &str) -> String {
    FILES.iter().fold(html.to_owned(), |html, file| html.replace(&file.path, file.name))
}

/// Every file's name and bytes: for looking at pages without a server.
pub fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().map(|file| (file.name, &*file.raw))
}

async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == name) else {
        return answer(StatusCode::NOT_FOUND, Body::empty());
    };
    let current = file.path.split('/').nth(2) == Some(hash.as_str());
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|tag| tag == file.etag);
    let packed = accept::encoding(&headers, "gzip");
    let mut response = match (known, packed) {
        (true, _) => answer(StatusCode::NOT_MODIFIED, Body::empty()),
        (false, true) => answer(StatusCode::OK, file.gzip.clone().into()),
        (false, false) => answer(StatusCode::OK, file.raw.clone().into()),
    };
    let cache = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::ETAG, file.etag.clone());
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    if packed && !known {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn answer(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn file(name: &'static str, kind: &'static str, text: String) -> File {
    let digest = Sha256::digest(text.as_bytes());
    let hash = format!("{:x}", Bytes::copy_from_slice(&digest[..8]));
    let etag = HeaderValue::try_from(format!("\"{hash}\"")).expect("hexadecimal digits are a header value");
    let gzip = packed(text.as_bytes());
    let path = format!("/resources/{hash}/{name}");
    File { name, kind, path, etag, raw: text.into(), gzip: gzip.into() }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn fetch(path: &str, encoding: &'static str, etag: Option<HeaderValue>) -> Response {
        let mut request = Request::get(path).header("accept-encoding", encoding).body(Body::empty()).unwrap();
        if let Some(etag) = etag {
            request.headers_mut().insert(header::IF_NONE_MATCH, etag);
        }
        router::<()>().oneshot(request).await.unwrap()
    }

    #[test]
    fn every_asset_has_a_file_within_its_budget() {
        let budgets = [
            (Asset::SignInStyle, "sign-in.css", 7_168),
            (Asset::ConsoleStyle, "console.css", 14_336),
            (Asset::SignInScript, "sign-in.js", 4_096),
            (Asset::SubmitScript, "submit.js", 512),
            (Asset::SignOutScript, "sign-out.js", 1_024),
            (Asset::Mark, "mark.svg", 512),
        ];
        assert_eq!(budgets.len(), FILES.len());
        for (asset, name, budget) in budgets {
            assert!(path(asset).starts_with("/resources/"));
            let file = &FILES[asset as usize];
            assert_eq!(file.name, name, "the files stand in the order of their names");
            assert!(file.raw.len() <= budget, "{} has {} bytes", file.name, file.raw.len());
        }
    }

    #[tokio::test]
    async fn a_file_is_cached_for_ever_under_its_hash_only() {
        let current = fetch(path(Asset::SignInStyle), "", None).await;
        let old = fetch("/resources/0123456789abcdef/sign-in.css", "", None).await;

        assert_eq!(current.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert_eq!(
            (old.status(), old.headers()["cache-control"].to_str().unwrap()),
            (StatusCode::OK, "no-cache")
        );
        assert_eq!(
            fetch("/resources/0123456789abcdef/tokens.css", "", None).await.status(),
            StatusCode::NOT_FOUND
        );
    }

    #[tokio::test]
    async fn a_file_comes_packed_to_those_who_can_open_it_and_not_twice() {
        let plain = fetch(path(Asset::SignInStyle), "identity", None).await;
        let packed = fetch(path(Asset::SignInStyle), "gzip, br", None).await;
        let again = fetch(path(Asset::SignInStyle), "gzip", Some(packed.headers()["etag"].clone())).await;

        assert!(plain.headers().get("content-encoding").is_none());
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
}
