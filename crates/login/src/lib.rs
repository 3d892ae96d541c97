//! Takes a browser from anonymous to authenticated, whoever asked.
