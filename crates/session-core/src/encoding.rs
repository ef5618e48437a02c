//! The base64 of payloads (RFC 4648, section 4), with the CPU's vector instructions where there are any.

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
mod vectors {
    use std::sync::LazyLock;

    use base64::engine::Simd;
    use base64::engine::general_purpose::PAD;

    static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::standard(PAD));

    /// The standard alphabet, padded.
    pub(crate) fn standard() -> &'static Simd {
        &ENGINE
    }
}

#[cfg(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon")))]
pub(crate) use vectors::standard;

/// The standard alphabet, padded.
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_feature = "neon"))))]
pub(crate) fn standard() -> &'static base64::engine::GeneralPurpose {
    &base64::engine::general_purpose::STANDARD
}
