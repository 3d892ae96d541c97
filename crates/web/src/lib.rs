//! The kit for endpoints and pages: extractors, cookies, headers, layout, messages, assets.
