//! Organizations.

mod change;
mod read;

pub use read::Contact;

use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(read::routes).configure(change::routes);
}
