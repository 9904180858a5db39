//! graduation
