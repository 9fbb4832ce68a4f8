// SPDX-License-Identifier: Apache-2.0

// Package envelope reads and writes the encryption headers of S3 objects, in
// every format that the Amazon S3 Encryption Client has used, and joins them
// with packages stream and wrap: a [Sealer] makes one object, an [Opener]
// reads one.
//
//	sealer, err := envelope.NewSealer(ctx, key, nil) // key is a wrap.Key
//	metadata, err := sealer.Header().Metadata()      // to be stored with the body
//	body, err := sealer.Reader(plaintext)            // the body, while it is read
//
//	header, err := envelope.ParseHeader(metadata)
//	opener, err := envelope.NewOpener(ctx, header, key, nil)
//	opened, err := opener.Reader(body, -1)           // of a size that is not known
//	defer opened.Close()
//
// Who has a storage needs neither: package backend does both. No error may be
// ignored, that of the last Read least of all.
//
// # Formats
//
// A [Suite] is a metadata format together with a content cipher:
//
//	V3       AES-256-GCM under a key derived from the CEK, with key commitment; the default
//	V2GCM    AES-GCM; nothing commits to the CEK
//	V2CBC    AES-CBC with PKCS#7; not authenticated
//	V2CTR    AES-CTR; not authenticated; can only be read
//	V1       AES-CBC with PKCS#7, and a wrap that metadata does not name
//	Chunked  C2SP chunked encryption, with key commitment
//
// GCM has one tag, at the end of up to 64 GiB. Chunked has one for every 16 KiB
// of up to 4 PiB, so that a range of it is authenticated, too. It is s3seal's own
// format, with names of its own: AWS's clients refuse such objects. DARE 2.0, the
// format of MinIO, is one more that is s3seal's own as far as the envelope goes; it
// is passed in from package envelope/dare.
//
// [ParseHeader] turns user metadata into a [Header], [Header.Metadata] turns it
// back. What is read is tolerant only where real clients differ; what is
// written is always the one form that all of them read.
//
// # The bytes
//
// The names, without the prefix x-amz-meta- that S3 puts before them, and what
// their values decode to. b64 is padded base64, sizes are in bytes.
//
//	V1        x-amz-key        b64    wrapped CEK
//	          x-amz-iv         b64    IV, 16
//	          x-amz-matdesc    JSON   materials description
//
//	V2        x-amz-key-v2     b64    wrapped CEK
//	          x-amz-iv         b64    IV, 12 (GCM) or 16 (CBC, CTR)
//	          x-amz-cek-alg    text   AES/GCM/NoPadding, AES/CBC/PKCS5Padding, AES/CTR/NoPadding
//	          x-amz-wrap-alg   text   AES/GCM, RSA-OAEP-SHA1, kms+context, AESWrap, kms, …
//	          x-amz-matdesc    JSON   materials description or encryption context
//	          x-amz-tag-len    text   128, of GCM
//
//	V3        x-amz-3          b64    wrapped CEK
//	          x-amz-c          text   115
//	          x-amz-w          text   02 AES/GCM, 12 kms+context, 22 RSA-OAEP-SHA1
//	          x-amz-d          b64    commitment, 28
//	          x-amz-i          b64    message id, 28
//	          x-amz-m          JSON   materials description (02, 22)
//	          x-amz-t          JSON   encryption context (12)
//
//	Chunked   s3seal-suite     text   chunked1, or dare2
//	and DARE  s3seal-key       b64    wrapped CEK; of further recipients s3seal-key-2 to -8
//	          s3seal-wrap      text   as x-amz-w; s3seal-wrap-2 …
//	          s3seal-matdesc   JSON   as x-amz-m and x-amz-t; s3seal-matdesc-2 …
//	          s3seal-bound     text   1, if the content is bound to its place
//	          s3seal-salt      b64    32, of DARE only
//	          s3seal-empty     text   1, of DARE only
//
// The bodies of n bytes of plaintext:
//
//	V3        ciphertext (n) || tag (16)     AES-256-GCM, nonce 12 times 01, additional data 00 73
//	V2GCM     ciphertext (n) || tag (16)     AES-GCM with CEK and IV, no additional data
//	V2CBC     ciphertext, 16·(n/16+1)        AES-CBC with CEK and IV, PKCS #7; so is V1
//	V2CTR     ciphertext (n)                 AES-CTR with CEK, from the block IV on
//	Chunked   see package stream/chunked
//	DARE      see package stream/dare
//
// The keys of V3, by HKDF with SHA-512 (RFC 5869):
//
//	PRK          = Extract(input key = CEK (32), salt = message id (28))
//	content key  = Expand(PRK, info = 00 73 || "DERIVEKEY"), 32 bytes
//	commitment   = Expand(PRK, info = 00 73 || "COMMITKEY"), 28 bytes
//
// What Chunked and DARE are bound to, and know as their context, is a byte 00 or
//
//	offset   0    1                 3        3+b             5+b
//	         01   size of bucket    bucket   size of key     key
//	size     1    2, big endian     b        2, big endian   k
//
// Source: S3 Encryption Client, "Content Metadata", "Key Derivation" and
// "Encryption".
//
// # Instruction files
//
// A client may keep an envelope in an object of its own beside the object, the
// instruction file, for which [ParseInstructionFile] and
// [Header.InstructionFile] are; [NeedsInstructionFile] tells from metadata
// where to look for one. V3 leaves its commitment with the object, so that a
// replaced file is noticed.
//
//	key of the object                metadata                         body
//	KEY               V1, V2         nothing of the envelope          ciphertext
//	                  V3             x-amz-c, x-amz-d, x-amz-i
//	                  own formats    all but s3seal-key, -wrap and -matdesc
//	KEY.instruction                  x-amz-crypto-instr-file, or nothing
//	                  V3                                              {"x-amz-3":"…","x-amz-m":"{}","x-amz-w":"02"}
//
// The file is one JSON object of up to 64 KiB whose values are strings, so that a
// description in it is JSON within JSON.
//
// # What is refused
//
// With zero [OpenOptions] only V3 and Chunked open. Every weaker thing has an
// option of its own with the danger in its name, and [Header.Required] tells which
// ones an object needs. That decision is made before any key is used, so that an
// attacker who can write objects cannot use the key as an oracle for formats
// that the reader did not ask for. Presets such as [AuthenticatedEncryption]
// spell the modes of older clients as sets of these options.
//
// # When plaintext is released
//
// The tag of GCM content comes last and covers all of it. By default an
// [Opener] buffers an object, up to 64 MiB, and releases nothing before the tag
// was verified. Larger ones need a [Release]: [Spool] keeps the ciphertext in a
// temporary file, [TwoPass] reads the body twice, and neither of them releases
// a byte that was not verified; [UnverifiedUntilEOF] does. CBC and CTR content
// streams, and nothing verifies it.
//
// Chunked and DARE content streams and is verified as it goes, at any offset:
// [Opener.RangeReader] and [Opener.ReaderAt] need no option for it. That a whole
// body has ended where it should is known at io.EOF only.
//
// # Several recipients, places, other keys
//
// A Chunked object may be sealed for up to 8 keys ([SealOptions].Recipients), and
// Chunked and DARE can be bound to the bucket and key that an object is stored
// under ([Binding]). [Rewrap] gives an object of any format another key, or other
// recipients, without reading its body.
//
// # Errors
//
// Errors come in three groups. What follows from metadata alone is specific:
// [ErrNotEncrypted], a [*MetadataError], a [*PolicyError]. Whatever content
// decides once a key was used is [ErrDecrypt], one error with one text and no
// cause: a wrong key, altered metadata, an altered or shortened body cannot be
// told apart. Everything else (I/O, contexts, a missing key, limits) passes
// through wrapped.
//
// # What is not protected
//
// An envelope binds neither bucket nor key, unless it has a [Binding] and the
// reader asks for one (RequireBound), and never the version: whoever can write to
// the bucket can replace an object by another one sealed under the same KEK, or by
// an older version of it. With a public RSA key, anyone can make new objects. Who
// the recipients of an object are is not authenticated.
//
// # What was rejected
//
// One type that seals and opens: in which direction is known when the code is
// written. The layers and client modes of AWS: a mode there is a set of options
// here, and the presets spell them out.
//
// A larger buffer than 64 MiB by default: it is what each of many concurrent
// readers may take, and the limit of AWS's clients. A file, or a second download,
// by itself for what is larger: both have a price, so both are asked for. Plaintext
// in the file of [Spool]: it keeps ciphertext.
//
// A hash or the exact size of the plaintext in metadata, as old clients leave:
// they tell storage what it must not know, and nothing authenticates them. Names
// for [Binding] that come from metadata: they would prove nothing. Recipients in
// formats that do not commit to their key: a body could be one thing to one of them
// and another to the next.
package envelope
