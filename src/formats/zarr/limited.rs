//! Codecs that stop at the size of a tile.
//!
//! Those of the crate `zarrs` unpack whatever a file holds, and a megabyte of gzip can hold a gigabyte. They stay in use for
//! everything but decoding.

use std::any::Any;
use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::{Arc, Once};

use flate2::read::{GzDecoder, ZlibDecoder};
use zarrs::array::codec::api::{
    BytesToBytesCodecTraits, Codec, CodecError, CodecMetadataOptions, CodecOptions,
    CodecRuntimePluginV2, CodecRuntimePluginV3, CodecTraits, CodecTraitsV2, CodecTraitsV3,
    PartialDecoderCapability, PartialEncoderCapability, RecommendedConcurrency, register_codec_v2,
    register_codec_v3,
};
use zarrs::array::codec::{GzipCodec, ZlibCodec, ZstdCodec};
use zarrs::array::{ArrayBytesRaw, BytesRepresentation};
use zarrs::metadata::Configuration;
use zarrs::plugin::{
    ExtensionAliases, ExtensionName, PluginCreateError, ZarrVersion, ZarrVersion2, ZarrVersion3,
};

/// The most bytes of a tile whose size is not known before: texts, such as the labels of an axis.
const UNKNOWN: u64 = 64 << 20;
/// The words of zstd where there is more than fits.
const ZSTD_FULL: &str = "Destination buffer is too small";

#[derive(Debug, Clone, Copy)]
enum Method {
    Gzip,
    Zlib,
    Zstd,
}

impl Method {
    const fn name(self) -> &'static str {
        match self {
            Method::Gzip => "gzip",
            Method::Zlib => "zlib",
            Method::Zstd => "zstd",
        }
    }

    fn decode(self, packed: &[u8], size: &BytesRepresentation) -> io::Result<Vec<u8>> {
        let limit = limit(size);
        match (self, size) {
            (Method::Gzip, _) => unpack(GzDecoder::new(packed), limit),
            (Method::Zlib, _) => unpack(ZlibDecoder::new(packed), limit),
            // In one go, which is faster: the buffer for it has the right size, whatever the file says.
            (Method::Zstd, BytesRepresentation::FixedSize(_)) => {
                let capacity = usize::try_from(limit).map_err(io::Error::other)?;
                zstd::bulk::decompress(packed, capacity).map_err(|e| {
                    match e.to_string().contains(ZSTD_FULL) {
                        true => too_much(limit),
                        false => e,
                    }
                })
            }
            (Method::Zstd, _) => unpack(zstd::Decoder::new(packed)?, limit),
        }
    }
}

/// The most bytes that may come out of a codec.
fn limit(size: &BytesRepresentation) -> u64 {
    match *size {
        BytesRepresentation::FixedSize(size) => size,
        // The size of bytes that another codec packed is an estimate, so the limit has some room.
        BytesRepresentation::BoundedSize(size) => size.saturating_add(size / 8 + 1024),
        BytesRepresentation::UnboundedSize => UNKNOWN,
    }
}

/// Reads to the end, and fails at the first byte beyond the limit.
fn unpack(packed: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    packed
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(too_much(limit)),
        false => Ok(bytes),
    }
}

fn too_much(limit: u64) -> io::Error {
    io::Error::other(format!(
        "it unpacks to more than the {limit} bytes of a tile"
    ))
}

/// A codec that is asked to decode no more than a tile has.
#[derive(Debug)]
struct Limited {
    inner: Arc<dyn BytesToBytesCodecTraits>,
    method: Method,
}

impl ExtensionName for Limited {
    fn name(&self, version: ZarrVersion) -> Option<Cow<'static, str>> {
        self.inner.name(version)
    }
}

impl CodecTraits for Limited {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn configuration(
        &self,
        version: ZarrVersion,
        options: &CodecMetadataOptions,
    ) -> Option<Configuration> {
        self.inner.configuration(version, options)
    }

    fn partial_decoder_capability(&self) -> PartialDecoderCapability {
        self.inner.partial_decoder_capability()
    }

    fn partial_encoder_capability(&self) -> PartialEncoderCapability {
        self.inner.partial_encoder_capability()
    }
}

impl BytesToBytesCodecTraits for Limited {
    fn into_dyn(self: Arc<Self>) -> Arc<dyn BytesToBytesCodecTraits> {
        self
    }

    fn recommended_concurrency(
        &self,
        decoded: &BytesRepresentation,
    ) -> Result<RecommendedConcurrency, CodecError> {
        self.inner.recommended_concurrency(decoded)
    }

    fn encoded_representation(&self, decoded: &BytesRepresentation) -> BytesRepresentation {
        self.inner.encoded_representation(decoded)
    }

    fn encode<'a>(
        &self,
        decoded: ArrayBytesRaw<'a>,
        options: &CodecOptions,
    ) -> Result<ArrayBytesRaw<'a>, CodecError> {
        self.inner.encode(decoded, options)
    }

    fn decode<'a>(
        &self,
        encoded: ArrayBytesRaw<'a>,
        decoded: &BytesRepresentation,
        _options: &CodecOptions,
    ) -> Result<ArrayBytesRaw<'a>, CodecError> {
        let bytes = self.method.decode(&encoded, decoded);
        bytes
            .map(Cow::Owned)
            .map_err(|e| CodecError::Other(format!("{}: {e}", self.method.name())))
    }
}

/// Makes `zarrs` decode with these codecs, once for the process.
pub fn register() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        limited::<GzipCodec>(Method::Gzip);
        limited::<ZlibCodec>(Method::Zlib);
        limited::<ZstdCodec>(Method::Zstd);
    });
}

fn limited<T>(method: Method)
where
    T: ExtensionAliases<ZarrVersion2>
        + ExtensionAliases<ZarrVersion3>
        + CodecTraitsV2
        + CodecTraitsV3
        + 'static,
{
    let wrap = move |codec: Codec| match codec {
        Codec::BytesToBytes(inner) => {
            Ok::<_, PluginCreateError>(Codec::BytesToBytes(Arc::new(Limited { inner, method })))
        }
        other => Ok(other),
    };
    register_codec_v3(CodecRuntimePluginV3::new(
        <T as ExtensionAliases<ZarrVersion3>>::matches_name,
        move |metadata| wrap(<T as CodecTraitsV3>::create(metadata)?),
    ));
    register_codec_v2(CodecRuntimePluginV2::new(
        <T as ExtensionAliases<ZarrVersion2>>::matches_name,
        move |metadata| wrap(<T as CodecTraitsV2>::create(metadata)?),
    ));
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn packed(method: Method, bytes: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        match method {
            Method::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).and_then(|()| encoder.finish())
            }
            Method::Zlib => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).and_then(|()| encoder.finish())
            }
            Method::Zstd => zstd::encode_all(bytes, 3),
        }
        .expect("memory")
    }

    #[test]
    fn codecs_stop_at_their_limit() {
        use BytesRepresentation::{BoundedSize, FixedSize, UnboundedSize};
        let bytes: Vec<u8> = (0..100_000_u32).map(|k| (k / 100) as u8).collect();
        for method in [Method::Gzip, Method::Zlib, Method::Zstd] {
            let packed = packed(method, &bytes);
            for size in [FixedSize(100_000), BoundedSize(100_000), UnboundedSize] {
                let unpacked = method.decode(&packed, &size).expect("it fits");
                assert!(unpacked == bytes, "{method:?} {size}");
            }
            for size in [FixedSize(99_999), FixedSize(0), BoundedSize(80_000)] {
                let error = method.decode(&packed, &size).expect_err("it does not fit");
                let text = error.to_string();
                assert!(text.contains("more than the"), "{method:?} {size}: {text}");
            }
            // Too few bytes are no concern of a codec, but broken ones are.
            assert!(method.decode(&packed, &FixedSize(200_000)).is_ok());
            assert!(method.decode(&packed[..60], &FixedSize(100_000)).is_err());
        }
    }
}
