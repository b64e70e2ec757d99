//! Questions told by hand, and which of them are attempts.
