// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
	"github.com/s3seal/s3seal/wrap"
)

// SealOptions say how an object is sealed. The zero value, and a nil pointer,
// mean V3 without a materials description.
type SealOptions struct {
	// Suite is the format to write. [V2CTR] cannot be written. A Suite that is
	// not built in, such as that of envelope/dare, is passed in here.
	Suite Suite

	// MatDesc is the materials description: a hint for readers about which
	// KEK to use, or the encryption context of a KMS. It is stored in the
	// clear, and for raw keys it is not authenticated.
	MatDesc map[string]string

	// Recipients are up to 7 more keys, each of which alone opens the object:
	// the public key of a colleague, a recovery key. Only [Chunked] has that:
	// as its content commits to the CEK, all of them read the same. Who they are
	// is not authenticated: whoever can write the object can take recipients
	// away, and whoever can open it can add some.
	Recipients []SealRecipient

	// Bind binds the content to the place that it is stored at. Only s3seal's
	// own formats have that.
	Bind Binding

	// Empty says that the plaintext will be empty. DARE has to know before the
	// body is sealed, and fails if it turns out otherwise, either way; all other
	// formats do not look at it.
	Empty bool
}

// A Writer encrypts what is written to it. Close writes the rest of the body
// and means "this is the whole plaintext"; where it is not, Abort must be
// called instead, after which Close fails. Close does not close the
// destination.
//
// A Writer is not safe for concurrent use.
type Writer interface {
	io.WriteCloser
	io.ReaderFrom

	// Abort ends the body without what would make it whole. Write and Close then
	// return an error that wraps [stream.ErrAborted] and, if it is not nil, err.
	// After Close, or an error, Abort does nothing, so that it may be deferred.
	Abort(err error)
}

// A Sealer seals one object: it has made a CEK and an IV, and wrapped the CEK.
// Its [Header] is known before the first byte of the body, since storage wants
// metadata first. It clears its keys when it hands out the reader or writer.
//
// A Sealer may be used concurrently, but seals once.
type Sealer struct {
	header  *Header
	content *content
	account *account
	used    atomic.Bool
}

// NewSealer makes a CEK of 32 bytes and an IV (12 or 16 bytes, or a message id
// of 28 bytes) from crypto/rand and wraps the CEK by w; a w that is a
// [wrap.Generator], such as a KMS, makes the CEK itself, and a [WriteCache] may
// have one. opts may be nil.
//
// It is an error, before w is called, if the format cannot carry what w makes:
//
//	V3      AES/GCM, RSA-OAEP-SHA1, kms+context; so Chunked and DARE
//	V2GCM   those, and AESWrap, kms
//	V2CBC   those, and AESWrap, kms
//	V1      AES-ECB, RSA-PKCS1-v1.5 (package wrap/legacy)
//
// and if MatDesc holds a name that belongs to the format, or the format has no
// use for Recipients or Bind. Without w the error is [wrap.ErrNoKey]; errors of w
// are passed through wrapped. The CEK is wrapped by w first, and then for each of
// the recipients.
//
// It may be called concurrently.
func NewSealer(ctx context.Context, w wrap.Wrapper, opts *SealOptions) (*Sealer, error) {
	if opts == nil {
		opts = new(SealOptions)
	}
	if w == nil {
		return nil, fmt.Errorf("envelope: seal: %w", wrap.ErrNoKey)
	}
	h := &Header{Suite: opts.Suite}
	if err := h.address(w, opts.MatDesc, opts.Recipients); err != nil {
		return nil, err
	}
	if err := checkShared(w, opts.Suite, len(opts.Recipients)); err != nil {
		return nil, err
	}
	if err := h.bind(opts); err != nil {
		return nil, err
	}
	return seal(ctx, w, h, opts)
}

// bind enters what only s3seal's own formats have.
func (h *Header) bind(opts *SealOptions) error {
	h.Bound = opts.Bind != Binding{}
	format := h.Suite.info().format
	if h.Bound && format == nil {
		return fmt.Errorf("envelope: format %v cannot be bound to bucket and key; use Chunked", h.Suite)
	}
	h.Empty = opts.Empty && format != nil && format.MarksEmpty()
	return opts.Bind.check()
}

// checkPair refuses, with the way out, what the format has no words for.
func checkPair(s Suite, alg wrap.Algorithm) error {
	writes := s.info().writes
	if slices.Contains(writes, alg) {
		return nil
	}
	if len(writes) == 0 {
		return fmt.Errorf("envelope: format %v can only be read; use V3", s)
	}
	fit := make([]string, len(writes))
	for i, a := range writes {
		fit[i] = a.String()
	}
	var instead []string
	for _, other := range []Suite{V3, V2GCM, V2CBC, V1} { // not Chunked: it takes what V3 takes
		if slices.Contains(other.info().writes, alg) {
			instead = append(instead, other.String())
		}
	}
	msg := fmt.Sprintf("envelope: format %v cannot carry a key wrapped by %v; use %s", s, alg, strings.Join(fit, ", "))
	if len(instead) > 0 {
		msg += ", or format " + strings.Join(instead, ", ")
	}
	return errors.New(msg)
}

// describe returns the materials description of a new wrapped key. The names
// that belong to the formats are theirs: a caller could undo what they promise.
func (h *Header) describe(name string, alg wrap.Algorithm, desc map[string]string) (map[string]string, error) {
	if _, ok := desc[descCEKAlg]; ok {
		return nil, &MetadataError{name, "entry " + descCEKAlg + " is reserved"}
	}
	switch _, ok := desc[descCMK]; {
	case ok && alg != wrap.KMSPlain:
		return nil, &MetadataError{name, "entry " + descCMK + " is reserved"}
	case !ok && alg == wrap.KMSPlain:
		return nil, &MetadataError{name, "entry " + descCMK + " is missing: a kms wrap names its key there"}
	}
	own := make(map[string]string, len(desc)+1)
	maps.Copy(own, desc)
	if alg == wrap.KMSContext {
		own[descCEKAlg] = h.contentAlg()
	}
	_, err := encodeMatDesc(name, own) // before any key is used
	return own, err
}

// seal makes and wraps the CEK and fills in the header.
func seal(ctx context.Context, w wrap.Wrapper, h *Header, opts *SealOptions) (*Sealer, error) {
	cek, wrapped, acct, err := newCEK(ctx, w, h.wrapInfo(h.everyone()[0]))
	defer clear(cek)
	if err != nil {
		return nil, fmt.Errorf("envelope: wrap key: %w", err)
	}
	h.WrappedKey = bytes.Clone(wrapped)
	if err := h.wrapOthers(ctx, cek, opts.Recipients); err != nil {
		return nil, err
	}
	c, err := sealContent(h, cek, opts.Bind)
	if err != nil {
		return nil, err
	}
	if h.Suite == V1 {
		h.Wrap = wrap.Unnamed // as every reader will see it
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	return &Sealer{header: h, content: c, account: acct}, nil
}

// newCEK makes a CEK and wraps it, by one request of a KMS where w is one.
func newCEK(ctx context.Context, w wrap.Wrapper, info wrap.Info) (cek, wrapped []byte, acct *account, err error) {
	if c, ok := w.(*WriteCache); ok {
		return c.newCEK(ctx, info)
	}
	g, ok := w.(wrap.Generator)
	if !ok {
		cek = make([]byte, cekSize)
		rand.Read(cek)
		wrapped, err = w.Wrap(ctx, cek, info)
		return cek, wrapped, nil, err
	}
	cek, wrapped, err = g.Generate(ctx, cekSize, info)
	if err == nil && len(cek) != cekSize {
		err = fmt.Errorf("generated key: want %d bytes, got %d", cekSize, len(cek))
	}
	return cek, wrapped, nil, err
}

// sealContent is the counterpart of openContent; it also makes the IV, and for V3
// the commitment.
func sealContent(h *Header, cek []byte, bind Binding) (*content, error) {
	info := h.Suite.info()
	if info.format != nil {
		return sealOwn(h, cek, bind.context(h.Bound))
	}
	h.IV = make([]byte, info.ivSize)
	rand.Read(h.IV) // never fails
	if h.Suite != V3 {
		return plainContent(h, cek, nil), nil
	}
	prk, err := extract(cek, h.IV)
	if err != nil {
		return nil, err
	}
	defer clear(prk)
	if h.Commitment, err = expandCommitment(prk); err != nil {
		return nil, err
	}
	return committedContent(prk)
}

// Header returns the envelope of the object, as a copy.
func (s *Sealer) Header() *Header { return s.header.clone() }

// CiphertextSize returns the size in bytes of the body for n bytes of
// plaintext. A negative n is an error; one over the limit of the format wraps
// [stream.ErrTooLarge].
func (s *Sealer) CiphertextSize(n int64) (int64, error) {
	if f := s.content.format; f != nil {
		c, err := f.CiphertextSize(n, s.content.empty)
		if err != nil {
			return 0, fmt.Errorf("envelope: seal: %w", err)
		}
		return c, nil
	}
	return ciphertextSize(s.content.mode, n)
}

func ciphertextSize(m mode, n int64) (int64, error) {
	size := stream.GCMCiphertextSize
	if m == modeCBC {
		size = stream.CBCCiphertextSize
	}
	c, err := size(n)
	switch {
	case m == modeGCM && errors.Is(err, stream.ErrTooLarge):
		return 0, fmt.Errorf("envelope: seal: %w; format Chunked takes up to %d bytes", err, chunked.MaxSize)
	case err != nil:
		return 0, fmt.Errorf("envelope: seal: %w", err)
	}
	return c, nil
}

// Reader returns the body as a reader that encrypts src, for uploads that
// pull. It has no method but Read: a transport that rewound it would encrypt
// again under a used IV. A second call of Reader, Writer or Parts is [ErrUsed].
//
// The returned reader is not safe for concurrent use.
func (s *Sealer) Reader(src io.Reader) (io.Reader, error) {
	c, err := s.take()
	if err != nil {
		return nil, err
	}
	defer clear(c.secret.key) // the stream has its own expanded key
	src = s.account.reader(src)
	switch c.mode {
	case modeOwn:
		return sealed(c.format.EncryptReader(src, c.params()))
	case modeCBC:
		return sealed[io.Reader](stream.NewCBCEncryptReader(src, c.secret.key, c.iv))
	}
	return sealed[io.Reader](stream.NewGCMEncryptReader(src, c.secret.key, c.iv, c.aad))
}

// Writer returns a writer that encrypts the body to dst. A second call of
// Reader, Writer or Parts is [ErrUsed].
func (s *Sealer) Writer(dst io.Writer) (Writer, error) {
	c, err := s.take()
	if err != nil {
		return nil, err
	}
	defer clear(c.secret.key)
	dst = s.account.writer(dst)
	switch c.mode {
	case modeOwn:
		return sealed[Writer](c.format.EncryptWriter(dst, c.params()))
	case modeCBC:
		return sealed[Writer](stream.NewCBCEncryptWriter(dst, c.secret.key, c.iv))
	}
	return sealed[Writer](stream.NewGCMEncryptWriter(dst, c.secret.key, c.iv, c.aad))
}

// sealed returns a nil interface, not one around a nil pointer, with an error.
func sealed[T any](s T, err error) (T, error) {
	if err != nil {
		var none T
		return none, fmt.Errorf("envelope: seal: %w", err)
	}
	return s, nil
}

// take hands out key and IV once.
func (s *Sealer) take() (*content, error) {
	if s.used.Swap(true) {
		return nil, ErrUsed
	}
	return s.content, nil
}

// String describes the sealer without its keys.
func (s *Sealer) String() string { return "sealer of " + s.header.String() }

// Format prints String for every verb, so that no verb prints keys.
func (s *Sealer) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// LogValue returns the same text as String.
func (s *Sealer) LogValue() slog.Value { return slog.StringValue(s.String()) }
