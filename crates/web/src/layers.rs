//! What happens around every handler.
//!
//! From the outside in: an id that every log line of the request carries, the realm's security headers on
//! whatever comes back (a 503 also says when to come again), the check of the path, whether this node may speak
//! at all, the settling of names, and a net under panics. The order matters: refusals and failures get the
//! headers too, and a handler never sees an unchecked path.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use axum::routing::Route;
use axum::routing::future::RouteFuture;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keyraft_model::Realm;
use percent_encoding::percent_decode_str;
use quick_cache::sync::Cache;
use tokio::time::timeout;
use tower::Service;
use tower::layer::layer_fn;
use tracing::Instrument as _;

use crate::headers::BrowserHeaders;
use crate::hostname::Hostname;
use crate::{RequestId, failure, guard};

/// Where the layers find a realm's security headers, and learn whether what this node knows is current.
pub trait RealmSource: Clone + Send + Sync + 'static {
    /// The realm of that name; nothing when there is none or it cannot be read now.
    fn realm(&self, name: &str) -> impl Future<Output = Option<Arc<Realm>>> + Send;

    /// Whether this node has its cluster's word. Without it a session that it believes in may have been ended,
    /// a client disabled, a key replaced: it serves public documents and nothing else.
    fn is_informed(&self) -> bool;
}

/// Put into a request's extensions by a listener that speaks TLS.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

struct Kit<R> {
    hostname: Arc<Hostname>,
    /// The path before everything that is served.
    root: Arc<str>,
    realms: R,
    headers: Headers,
}

/// Security headers of realms, read once. They hang on the very realm that they were read from, so a change to it,
/// which makes a new one, can never meet old headers.
struct Headers {
    of_realms: Cache<String, (Weak<Realm>, Arc<BrowserHeaders>)>,
    default: Arc<BrowserHeaders>,
}

/// How long reading a realm takes at most that is in memory.
const IN_MEMORY: Duration = Duration::from_millis(50);

/// Realms whose headers are kept.
const MAX_REALMS: usize = 1_000;

impl Headers {
    fn new() -> Self {
        Self { of_realms: Cache::new(MAX_REALMS), default: Arc::new(BrowserHeaders::default()) }
    }

    fn of(&self, realm: &Arc<Realm>) -> Arc<BrowserHeaders> {
        if let Some((known, headers)) = self.of_realms.get(&realm.realm)
            && Weak::as_ptr(&known) == Arc::as_ptr(realm)
        {
            return headers;
        }
        let headers = Arc::new(BrowserHeaders::from(&**realm));
        self.of_realms.insert(realm.realm.clone(), (Arc::downgrade(realm), Arc::clone(&headers)));
        headers
    }
}

/// Wraps a router. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`, or put
/// `ConnectInfo<SocketAddr>` into the requests' extensions: without it the caller's address is unknown.
pub fn layers<R: RealmSource>(router: Router, hostname: Arc<Hostname>, realms: R) -> Router {
    let router = router.fallback(failure::not_found).method_not_allowed_fallback(failure::wrong_method);
    let root = Arc::from(hostname.relative_path.trim_end_matches('/'));
    let kit = Arc::new(Kit { hostname, root, realms, headers: Headers::new() });
    router.layer(layer_fn(move |below| Around { kit: Arc::clone(&kit), below }))
}

/// The layers around one route. A service of its own and no function for `from_fn`, which clones and boxes what lies
/// below it several times for every request.
#[derive(Clone)]
struct Around<R> {
    kit: Arc<Kit<R>>,
    below: Route,
}

impl<R: RealmSource> Service<Request> for Around<R> {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Route as Service<Request>>::poll_ready(&mut self.below, cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let kit = Arc::clone(&self.kit);
        let id = RequestId::random();
        let span = tracing::info_span!("request", %id);
        let asked = request.headers().clone();
        let realm = realm_in(request.uri().path(), &kit.hostname.relative_path);
        let admitted = failure::ROOT.sync_scope(Arc::clone(&kit.root), || kit.admit(request, id));
        let below = admitted.map(|request| self.below.call(request));
        let answered = failure::ROOT.scope(Arc::clone(&kit.root), async move {
            let mut response = match below {
                Ok(below) => caught(below, &asked, id).await,
                Err(refusal) => *refusal,
            };
            kit.put_headers(realm, &asked, &mut response).await;
            Ok(response)
        });
        answered.instrument(span).boxed()
    }
}

impl<R: RealmSource> Kit<R> {
    /// The request as handlers see it, or why they do not.
    fn admit(&self, mut request: Request, id: RequestId) -> Result<Request, Box<Response>> {
        let path = request.uri().path();
        if let Some(refusal) = guard::refuse(request.uri()) {
            return Err(Box::new(refusal));
        }
        if !self.realms.is_informed() && !is_public(path, &self.hostname.relative_path) {
            return Err(Box::new(failure::unavailable(request.headers(), id)));
        }
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let peer = peer.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        let tls = request.extensions().get::<Encrypted>().is_some();
        let origin = self.hostname.origin(request.uri(), request.headers(), peer, tls);
        let origin = origin.map_err(|_| Box::new(failure::bad_host()))?;
        request.extensions_mut().insert(Arc::new(origin));
        request.extensions_mut().insert(id);
        Ok(request)
    }

    /// Puts the headers of the realm on an answer.
    async fn put_headers(&self, realm: Option<String>, asked: &HeaderMap, response: &mut Response) {
        let found = async {
            match realm {
                Some(name) => self.realms.realm(&name).await,
                None => None,
            }
        };
        // What cannot be read now has been waited for already: here only what is in memory counts.
        let is_away = response.status() == StatusCode::SERVICE_UNAVAILABLE;
        let found = if is_away { timeout(IN_MEMORY, found).await.unwrap_or_default() } else { found.await };
        let headers =
            found.map_or_else(|| Arc::clone(&self.headers.default), |realm| self.headers.of(&realm));
        headers.apply(asked, response);
        if is_away {
            let headers = response.headers_mut();
            headers.entry(header::RETRY_AFTER).or_insert(const { HeaderValue::from_static("2") });
        }
    }
}

/// A panic in one request must not take the connection's other requests with it.
async fn caught(below: RouteFuture<Infallible>, asked: &HeaderMap, id: RequestId) -> Response {
    let Ok(Ok(response)) = AssertUnwindSafe(below).catch_unwind().await else {
        tracing::error!("a handler panicked");
        return failure::internal(asked, Some(id));
    };
    response
}

/// What says nothing about anybody: discovery, public keys, static files.
fn is_public(path: &str, root: &str) -> bool {
    let path = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
    let parts: Vec<_> = path.split('/').skip(1).collect();
    matches!(
        parts[..],
        ["resources", ..]
            | ["robots.txt" | "favicon.ico"]
            | ["realms", _, ".well-known", _]
            | [".well-known", _, "realms", _]
            | ["realms", _, "protocol", "openid-connect", "certs"]
    )
}

/// The realm that a path names: `/realms/{r}/…`, `/admin/realms/{r}/…` or `/admin/{r}/console/…`.
fn realm_in(path: &str, root: &str) -> Option<String> {
    let path = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
    let mut parts = path.split('/').skip(1);
    let (("realms", name, _) | ("admin", "realms", Some(name)) | ("admin", name, Some("console"))) =
        (parts.next()?, parts.next()?, parts.next())
    else {
        return None;
    };
    percent_decode_str(name)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::response::Html;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{ClientIp, RequestOrigin};

    #[derive(Clone)]
    struct Shop {
        is_informed: bool,
    }

    impl RealmSource for Shop {
        async fn realm(&self, name: &str) -> Option<Arc<Realm>> {
            if name == "unread" {
                std::future::pending::<()>().await;
            }
            let mut realm = Realm { realm: "shop".into(), ..Realm::default() };
            realm.browser_security_headers.insert("xFrameOptions".into(), "DENY".into());
            (name == "shop").then(|| Arc::new(realm))
        }

        fn is_informed(&self) -> bool {
            self.is_informed
        }
    }

    async fn is_away() -> (StatusCode, Html<&'static str>) {
        (StatusCode::SERVICE_UNAVAILABLE, Html("not now"))
    }

    async fn panics() -> StatusCode {
        panic!("a bug")
    }

    async fn ask(path: &str, accept: &str) -> (StatusCode, HeaderMap, String) {
        ask_at(Shop { is_informed: true }, path, accept).await
    }

    async fn ask_at(node: Shop, path: &str, accept: &str) -> (StatusCode, HeaderMap, String) {
        let routes = Router::new()
            .route(
                "/realms/{realm}/who",
                get(|ip: ClientIp, origin: RequestOrigin| async move { format!("{} {}", ip.0, origin.base) }),
            )
            .route("/realms/{realm}/protocol/openid-connect/certs", get(|| async { "keys" }))
            .route("/realms/{realm}/.well-known/openid-configuration", get(|| async { "discovery" }))
            .route("/resources/app.css", get(|| async { "style" }))
            .route("/realms/{realm}/away", get(is_away))
            .route("/realms/{realm}/panic", get(panics));
        let hostname = Hostname { follow_host: true, ..Hostname::default() };
        let wrapped = layers(routes, Arc::new(hostname), node);
        let mut request =
            Request::get(path).header("host", "id.test").header("accept", accept).body(Body::empty());
        let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711)));
        request.as_mut().unwrap().extensions_mut().insert(peer);
        let response = wrapped.oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 100_000).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_handler_learns_who_asked_and_by_which_name() {
        assert_eq!(ask("/realms/shop/who", "*/*").await.2, "192.0.2.7 http://id.test");
    }

    #[tokio::test]
    async fn whoever_cannot_be_served_now_hears_when_to_come_back() {
        let (status, headers, _) = ask("/realms/shop/away", "*/*").await;
        assert_eq!(
            (status, headers["retry-after"].to_str().unwrap()),
            (StatusCode::SERVICE_UNAVAILABLE, "2")
        );
        assert_eq!(headers["x-frame-options"], "DENY", "a realm in memory has its own headers all the same");

        let (status, headers, _) = ask("/realms/unread/away", "*/*").await;
        assert_eq!(
            (status, headers["x-frame-options"].to_str().unwrap()),
            (StatusCode::SERVICE_UNAVAILABLE, "SAMEORIGIN")
        );
    }

    #[tokio::test]
    async fn a_panic_is_a_500_with_an_id_and_nothing_else() {
        let (status, headers, body) = ask("/realms/shop/panic", "application/json").await;
        assert_eq!(
            (status, headers["x-frame-options"].to_str().unwrap()),
            (StatusCode::INTERNAL_SERVER_ERROR, "DENY")
        );
        assert!(body.contains("error_id") && !body.contains("a bug"));

        let (status, headers, body) = ask("/realms/other/panic", "text/html").await;
        assert_eq!(
            (status, headers["x-frame-options"].to_str().unwrap()),
            (StatusCode::INTERNAL_SERVER_ERROR, "SAMEORIGIN")
        );
        assert!(body.contains("<title>Error:") && !body.contains("a bug"));
    }

    #[tokio::test]
    async fn an_unknown_path_and_a_crooked_one_are_refused_as_keycloak_does() {
        let (status, _, body) = ask("/nope", "*/*").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::NOT_FOUND, r#"{"error":"Unable to find matching target resource method"}"#,)
        );
        assert!(ask("/nope", "text/html").await.2.contains("Page not found"));
        assert_eq!(ask("/realms/../admin", "*/*").await.0, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn without_its_clusters_word_a_node_serves_public_documents_alone() {
        let cut_off = Shop { is_informed: false };
        for (path, body) in [
            ("/realms/shop/protocol/openid-connect/certs", "keys"),
            ("/realms/shop/.well-known/openid-configuration", "discovery"),
            ("/resources/app.css", "style"),
        ] {
            assert_eq!(ask_at(cut_off.clone(), path, "*/*").await.2, body);
        }

        for path in ["/realms/shop/who", "/realms/shop/protocol/openid-connect/token", "/admin/realms", "/"] {
            let (status, headers, body) = ask_at(cut_off.clone(), path, "application/json").await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(headers["retry-after"], "2");
            assert!(body.contains("temporarily_unavailable"), "{body}");
        }
        let (status, headers, body) = ask_at(cut_off, "/realms/shop/who", "text/html").await;
        assert_eq!(
            (status, headers["retry-after"].to_str().unwrap()),
            (StatusCode::SERVICE_UNAVAILABLE, "2")
        );
        assert!(body.contains("<title>"), "{body}");
    }

    #[test]
    fn a_changed_realm_has_its_new_headers_at_once() {
        let realm = |frames: &str| {
            let mut realm = Realm { realm: "shop".into(), ..Realm::default() };
            realm.browser_security_headers.insert("xFrameOptions".into(), frames.into());
            Arc::new(realm)
        };
        let kept = Headers::new();
        let frames = |realm: &Arc<Realm>| {
            let mut response = Response::new(Body::from("{}"));
            response.headers_mut().insert("content-type", "application/json".parse().unwrap());
            kept.of(realm).apply(&HeaderMap::new(), &mut response);
            response.headers()["x-frame-options"].to_str().unwrap().to_owned()
        };
        let (old, new) = (realm("DENY"), realm("SAMEORIGIN"));

        assert_eq!([frames(&old), frames(&old), frames(&new)], ["DENY", "DENY", "SAMEORIGIN"]);
    }

    #[test]
    fn a_path_names_its_realm() {
        assert_eq!(realm_in("/realms/a%20b/x", ""), Some("a b".into()));
        assert_eq!(realm_in("/auth/admin/realms/shop", "/auth"), Some("shop".into()));
        assert_eq!(realm_in("/admin/master/console", ""), Some("master".into()));
        assert_eq!(realm_in("/resources/x/y", ""), None);
    }
}
