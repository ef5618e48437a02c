//! Finds the session error behind an error of the inner service.

use std::any::Any;
use std::error::Error;

use session_core::SessionError;

use crate::SessionRejection;

/// Returns the session error that an error is or has among its sources.
pub(crate) fn cause<E: 'static>(error: &E) -> Option<SessionError> {
    let error: &dyn Any = error;
    if let Some(error) = error.downcast_ref::<SessionError>() {
        return Some(error.clone());
    }
    if let Some(rejection) = error.downcast_ref::<SessionRejection>() {
        return Some(rejection.error().clone());
    }
    if let Some(error) = error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return among_sources(&**error);
    }
    error.downcast_ref::<Box<dyn Error>>().and_then(|error| among_sources(&**error))
}

fn among_sources(error: &(dyn Error + 'static)) -> Option<SessionError> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| {
        let rejected = || error.downcast_ref().map(SessionRejection::error);
        error.downcast_ref::<SessionError>().or_else(rejected).cloned()
    })
}
