// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// A Header is the envelope of one object: all that a reader needs besides the
// KEK. Nothing in it is secret, and for raw keys nothing in it but the wrapped
// key is authenticated.
//
// A Header may be read concurrently while nobody writes to it.
type Header struct {
	// Suite is the format, with the content cipher.
	Suite Suite

	// Wrap is how the CEK is wrapped; [wrap.Unnamed] where metadata does not
	// say, that is, always for V1.
	Wrap wrap.Algorithm

	// WrappedKey is the wrapped CEK, at least 16 bytes.
	WrappedKey []byte

	// IV is 16 bytes for CBC and CTR and 12 bytes for V2GCM. For V3 it is the
	// 28-byte message id, from which the content key is derived, for DARE the
	// 32-byte salt. Chunked has nothing here: its salt is in the body.
	IV []byte

	// Commitment is the 28-byte key commitment of V3, and nil otherwise.
	Commitment []byte

	// MatDesc is the materials description: a hint about which KEK to use, or
	// the encryption context of a KMS.
	MatDesc map[string]string

	// Recipients are further wrapped forms of the same CEK, up to 7, which only
	// Chunked has. Wrap, WrappedKey and MatDesc are the first recipient.
	Recipients []Recipient

	// Bound says that the content is bound to a [Binding], which a reader must
	// know. Only s3seal's own formats have that.
	Bound bool

	// Empty says that the plaintext is empty, in formats that have no other form
	// for it: DARE.
	Empty bool

	// cekAlg is the spelling of the content algorithm in metadata if it is
	// not the usual one: a wrap binds the text, not its meaning.
	cekAlg string

	// tagBytes says that the tag length is given in bytes, as only one old
	// client does, which uses legacy wraps.
	tagBytes bool
}

// ParseHeader reads the envelope of an object from its user metadata. Names
// may be in any case and with or without the prefix x-amz-meta-; other user
// metadata is ignored. extra are the Suites to know of that are not built in.
//
// The format must be unambiguous: names of two formats together, a name given
// twice, wrong lengths, unknown algorithms and anything but plain base64 and
// JSON are a [*MetadataError]. Metadata without any envelope is
// [ErrNotEncrypted], and an envelope of V3 without the wrapped key is a
// MetadataError: both may belong to an object with an instruction file, which
// [NeedsInstructionFile] tells. The length and MD5 that writers of V1 and V2
// may add, and the length beside V3, are ignored, since nothing authenticates
// them; with other formats they are a MetadataError.
//
// Source: S3 Encryption Client, "Content Metadata". It may be called
// concurrently.
func ParseHeader(meta map[string]string, extra ...Suite) (*Header, error) {
	f, err := normalise(meta)
	if err != nil {
		return nil, err
	}
	return f.parse(extra)
}

func (f fields) parse(extra []Suite) (*Header, error) {
	h, err := f.header(extra)
	if err != nil {
		return nil, err
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	return h, nil
}

// header finds the format by the one name that holds the wrapped key.
func (f fields) header(extra []Suite) (*Header, error) {
	switch {
	case f[nameKeyV1] != "":
		return f.headerV1()
	case f[nameKeyV2] != "":
		return f.headerV2()
	case f[nameKeyV3] != "":
		return f.headerV3()
	case f[nameOwnKey] != "":
		return f.headerOwn(extra)
	}
	return nil, f.noKey()
}

// noKey says what is wrong with an envelope without a wrapped key.
func (f fields) noKey() error {
	key, err := f.remainder()
	switch {
	case err != nil:
		return err
	case key != "":
		return &MetadataError{key, "missing: the wrapped key of this object is in an instruction file"}
	}
	return ErrNotEncrypted
}

// Metadata returns the user metadata that stores h: lower-case names without
// prefix, ASCII values. It writes one strict form only and returns an error
// for what can be read but should never be written: V2CTR, a V2 header that
// does not name its wrap, and wraps that only old clients wrote.
func (h *Header) Metadata() (map[string]string, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	switch {
	case h.Suite == V1:
		return h.metadataV1()
	case h.Suite == V3:
		return h.metadataV3()
	case h.Suite.info().format != nil:
		return h.metadataOwn()
	}
	return h.metadataV2()
}

// PlaintextSize returns the least and the greatest plaintext size that a body
// of stored bytes can have. They are equal but for CBC, whose padding has 1 to
// 16 bytes. A size that no body of this suite can have is an error, which wraps
// [stream.ErrTooLarge] if it is over the limit of the format and [ErrDecrypt] if
// the object must be damaged.
func (h *Header) PlaintextSize(stored int64) (minSize, maxSize int64, err error) {
	switch m := h.Suite.info().mode; {
	case stored < 0:
		return 0, 0, fmt.Errorf("envelope: stored size %d is negative", stored)
	case m == modeOwn:
		return h.plaintextSizeOwn(stored)
	case m == modeCTR:
		return stored, stored, nil
	case m == modeCBC && stored > 0 && stored%stream.BlockSize == 0:
		return stored - stream.BlockSize, stored - 1, nil
	case m == modeCBC || stored < stream.GCMTagSize:
		return 0, 0, fmt.Errorf("envelope: no %v body has %d bytes: %w", h.Suite, stored, ErrDecrypt)
	}
	n, err := stream.GCMPlaintextSize(stored)
	if err != nil {
		return 0, 0, fmt.Errorf("envelope: stored size: %w", err)
	}
	return n, n, nil
}

// String returns a summary for people and logs.
func (h *Header) String() string {
	if h.Wrap == wrap.Unnamed {
		return h.Suite.String() + ", key wrapped by an algorithm without a name"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%v, key wrapped by %v", h.Suite, h.Wrap)
	for _, r := range h.Recipients {
		fmt.Fprintf(&text, " and by %v", r.Wrap)
	}
	if h.Bound {
		text.WriteString(", bound to bucket and key")
	}
	return text.String()
}

// LogValue returns the same summary as String.
func (h *Header) LogValue() slog.Value { return slog.StringValue(h.String()) }

// contentAlg returns the text to which a wrap binds the CEK. Only CBC has
// other spellings than the usual one.
func (h *Header) contentAlg() string {
	if h.cekAlg != "" && h.Suite == V2CBC {
		return h.cekAlg
	}
	return h.Suite.info().contentAlg
}

func (h *Header) clone() *Header {
	c := *h
	c.WrappedKey = bytes.Clone(h.WrappedKey)
	c.IV = bytes.Clone(h.IV)
	c.Commitment = bytes.Clone(h.Commitment)
	c.MatDesc = maps.Clone(h.MatDesc)
	c.Recipients = slices.Clone(h.Recipients)
	for i := range c.Recipients {
		r := &c.Recipients[i]
		r.WrappedKey, r.MatDesc = bytes.Clone(r.WrappedKey), maps.Clone(r.MatDesc)
	}
	return &c
}
