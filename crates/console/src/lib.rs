//! The pages for administrators and for account holders.
