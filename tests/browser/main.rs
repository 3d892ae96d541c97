//! The browser ring: what people meet in Chromium.
