//! What a page says, without its markup: title, headings, forms and their fields, messages, links.
//!
//! The recording keeps the original's pages in this form; ours are read the same way. Hard facts are
//! those that a client, a script or a password manager depends on; soft facts (title, labels, words)
//! are reported and never fail (`README.md`).

use scraper::{ElementRef, Html, Node, Selector};
use serde_json::{Map, Value, json};

/// Reads a page's facts in the form of the recording.
pub(crate) fn facts(html: &str) -> Value {
    // A browser without scripts is a reader too: what stands in `noscript` counts.
    let html = ["<noscript>", "<NOSCRIPT>", "</noscript>", "</NOSCRIPT>"]
        .iter()
        .fold(html.to_owned(), |h, t| h.replace(t, ""));
    let document = Html::parse_document(&html);
    let root = document.root_element();
    let mut page = Map::new();
    page.insert("title".into(), json!(first(root, "title").map(words).unwrap_or_default()));
    if let Some(lang) = first(root, "html").and_then(|e| e.attr("lang")).or(root.value().attr("lang")) {
        page.insert("lang".into(), json!(lang));
    }
    if let Some(heading) = first(root, "h1") {
        page.insert("heading".into(), json!(words(heading)));
    }
    let by_id: Map<String, Value> = all(root, "[id]")
        .filter_map(|e| e.value().attr("id").map(|id| (id, e)))
        .filter(|(id, _)| {
            matches!(*id, "kc-error-message" | "kc-info-message" | "kc-oauth" | "kc-logout-confirm")
                || id.starts_with("input-error")
        })
        .map(|(id, e)| (id.to_owned(), json!(words(e))))
        .collect();
    if !by_id.is_empty() {
        page.insert("by_id".into(), Value::Object(by_id));
    }
    if let Some(alert) = first(root, "[role=alert], .alert, .pf-v5-c-alert, .kc-feedback-text") {
        page.insert("alert_text".into(), json!(words(alert)));
    }
    page.insert("forms".into(), all(root, "form").map(form).collect());
    let labels: Vec<Value> = all(root, "label[for]")
        .map(|l| json!([l.value().attr("for").unwrap_or_default(), words(l)]))
        .collect();
    if !labels.is_empty() {
        page.insert("labels".into(), Value::Array(labels));
    }
    let links = all(root, "a[href]")
        .map(|a| json!({"a": a.value().attr("href"), "id": a.value().attr("id"), "text": words(a)}));
    page.insert("links".into(), links.collect());
    let frames: Vec<Value> =
        all(root, "iframe").filter_map(|f| f.value().attr("src").map(|s| json!(s))).collect();
    if !frames.is_empty() {
        page.insert("iframes".into(), Value::Array(frames));
    }
    page.insert("text".into(), json!(words(root)));
    json!({ "page": page })
}

fn form(form: ElementRef<'_>) -> Value {
    let fields: Vec<Value> = all(form, "input, button, select, textarea").map(field).collect();
    json!({
        "id": form.value().attr("id"),
        "action": form.value().attr("action").unwrap_or_default(),
        "method": form.value().attr("method").unwrap_or("get"),
        "fields": fields,
    })
}

fn field(element: ElementRef<'_>) -> Value {
    let mut field = Map::new();
    for name in ["name", "id", "type", "value", "autocomplete", "aria-invalid"] {
        if let Some(value) = element.value().attr(name) {
            field.insert(name.into(), json!(value));
        }
    }
    field.insert("tag".into(), json!(element.value().name()));
    if element.value().name() == "button" {
        field.insert("text".into(), json!(words(element)));
    }
    Value::Object(field)
}

fn all<'a>(root: ElementRef<'a>, selector: &str) -> impl Iterator<Item = ElementRef<'a>> {
    let selector = Selector::parse(selector).expect("selectors here are constants that parse");
    root.select(&selector).collect::<Vec<_>>().into_iter()
}

fn first<'a>(root: ElementRef<'a>, selector: &str) -> Option<ElementRef<'a>> {
    all(root, selector).next()
}

/// The text a person reads, spaces collapsed; scripts, styles and templates left out.
fn words(element: ElementRef<'_>) -> String {
    let mut text = String::new();
    collect(element, &mut text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn collect(element: ElementRef<'_>, text: &mut String) {
    for child in element.children() {
        if let Node::Text(part) = child.value() {
            text.push_str(part);
        } else if let Some(inner) = ElementRef::wrap(child)
            && !matches!(inner.value().name(), "script" | "style" | "template")
        {
            text.push(' ');
            collect(inner, text);
            text.push(' ');
        }
    }
}
