//! The calls that a wrapper passes on.

/// Writes methods of [`AtomicBackend`](session_core::AtomicBackend) that pass the call on to a field, for a backend that
/// wraps another one and changes some of its calls.
///
/// It writes `fetch`, `create`, `replace`, `remove`, `touch`, `rotate` and `marker`. The other methods have defaults,
/// which say that the backend does not answer at once, and has no index, no epochs and no scan.
///
/// ```
/// use session_core::{AtomicBackend, MemoryBackend, Remove, StoreFuture, WriteOutcome};
/// use session_testkit::forward;
///
/// /// A store that forgets to remove sessions.
/// struct Keeper {
///     memory: MemoryBackend,
/// }
///
/// impl AtomicBackend for Keeper {
///     forward!(memory: fetch, create, replace, touch, rotate, marker);
///
///     fn remove<'a>(&'a self, _: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
///         StoreFuture::ready(Ok(WriteOutcome::Done(())))
///     }
/// }
/// ```
#[macro_export]
macro_rules! forward {
    ($field:ident: $($method:ident),+) => {
        $($crate::forward!(@ $field $method);)+
    };
    (@ $field:ident fetch) => {
        $crate::forward!(@ $field fetch(key: &'a str) -> Option<$crate::session_core::Stored>);
    };
    (@ $field:ident create) => {
        $crate::forward!(@ $field create(create: $crate::session_core::Create<'a>) -> $crate::session_core::WriteOutcome);
    };
    (@ $field:ident replace) => {
        $crate::forward!(@ $field replace(at: $crate::session_core::Replace<'a>) -> $crate::session_core::WriteOutcome);
    };
    (@ $field:ident remove) => {
        $crate::forward!(@ $field remove(at: $crate::session_core::Remove<'a>) -> $crate::session_core::WriteOutcome<()>);
    };
    (@ $field:ident touch) => {
        $crate::forward!(@ $field touch(touch: $crate::session_core::Touch<'a>) -> bool);
    };
    (@ $field:ident rotate) => {
        $crate::forward!(@ $field rotate(rotate: $crate::session_core::Rotate<'a>) -> $crate::session_core::WriteOutcome);
    };
    (@ $field:ident marker) => {
        $crate::forward!(@ $field marker(key: &'a str) -> Option<$crate::session_core::Marker>);
    };
    (@ $field:ident $method:ident($argument:ident: $type:ty) -> $reply:ty) => {
        fn $method<'a>(&'a self, $argument: $type) -> $crate::session_core::StoreFuture<'a, $reply> {
            $crate::session_core::AtomicBackend::$method(&self.$field, $argument)
        }
    };
}
