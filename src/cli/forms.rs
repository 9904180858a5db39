//! Every application form of a database, a page at a time, for commands that look at all files.

use crate::db::{Db, DbError};
use crate::domain::core::ids::CertificationId;
use crate::repository::certifications::{self, StoredForm};
use anyhow::Result;

/// How many forms are in memory at once.
const PAGE: i64 = 500;

/// The pages of all forms.
pub struct FormPages<'a> {
    db: &'a Db,
    after: CertificationId,
}

impl<'a> FormPages<'a> {
    /// The pages from the first on.
    pub fn new(db: &'a Db) -> Self {
        let after = CertificationId::NONE;
        Self { db, after }
    }

    /// The next page. `None` at the end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredForm>>> {
        let after = self.after;
        let page = self
            .db
            .read::<_, DbError, _>(move |conn| Ok(certifications::page(conn, after, PAGE)?))
            .await?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        self.after = last.id;
        Ok(Some(page))
    }
}
