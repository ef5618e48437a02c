//! The backends sqlite, postgres and mysql.

use std::error::Error;
use std::sync::Arc;

use session_compat::DjangoDb;
use session_core::AtomicBackend;
use session_core::starlette::BackendType;

/// Returns the backend of a database, and creates its table if it is missing. In the database of Django, this is only
/// the table of markers.
///
/// # Errors
///
/// If the URL is missing or belongs to another database, or if the database refuses.
#[cfg(feature = "sql")]
pub(crate) async fn open(
    backend: BackendType,
    url: Option<&str>,
    django: Option<DjangoDb>,
) -> Result<Arc<dyn AtomicBackend>, Box<dyn Error>> {
    use session_sql::SqlBackend;

    let schemes: &[&str] = match backend {
        BackendType::Sqlite => &["sqlite:"],
        BackendType::Postgres => &["postgres:", "postgresql:"],
        _ => &["mysql:", "mariadb:"],
    };
    let file = if django.is_some() { "sqlite:db.sqlite3" } else { "sqlite:sessions.db" };
    let default = (backend == BackendType::Sqlite).then_some(file);
    let url = url.or(default).ok_or_else(|| format!("--backend {backend} needs --sql-url {}//…", schemes[0]))?;
    if !schemes.iter().any(|scheme| url.starts_with(scheme)) {
        return Err(format!("the URL for --backend {backend} has to begin with {}", schemes.join(" or ")).into());
    }
    let builder = SqlBackend::builder();
    let builder = match django {
        Some(django) => builder.django(django),
        None => builder,
    };
    let sessions = builder.connect(url)?;
    if let Err(error) = sessions.create_table().await {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        return Err(format!("the table can't be created: {cause}").into());
    }
    Ok(Arc::new(sessions))
}

#[cfg(not(feature = "sql"))]
pub(crate) async fn open(
    backend: BackendType,
    _: Option<&str>,
    _: Option<DjangoDb>,
) -> Result<Arc<dyn AtomicBackend>, Box<dyn Error>> {
    Err(format!("--backend {backend} needs the feature `sql` of this program").into())
}
