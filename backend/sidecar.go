// SPDX-License-Identifier: Apache-2.0

package backend

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

const (
	// SidecarSuffix is what ends the key of a sidecar, after the key of the
	// object.
	SidecarSuffix = ".key"

	// MaxSidecarSize is the size in bytes that a sidecar may have: what the
	// largest blob of AWS KMS, 6144 bytes, has in base64.
	MaxSidecarSize = 8 << 10
)

var (
	// ErrNoSidecar says that the sidecar of an object is not there, and that
	// no other key fits. It is [wrap.ErrNoKey] with a prefix.
	ErrNoSidecar = fmt.Errorf("backend: sidecar is missing: %w", wrap.ErrNoKey)

	// ErrSidecar says that what is in the place of a sidecar is none: empty,
	// larger than [MaxSidecarSize], or, for a put, no key under the key ID and
	// encryption context of the [SidecarKey].
	ErrSidecar = errors.New("backend: not a sidecar")
)

// SidecarOptions say how a [SidecarKey] uses its KEKs. The zero value, and a nil
// pointer, wrap by AES/GCM and ask the KMS without an encryption context.
type SidecarOptions struct {
	// Wrap is how content keys are wrapped: [wrap.AESGCM], which the zero
	// value means too, or [wrap.AESKW], which is the one that other clients
	// of this convention read and which format V3 cannot carry. Reading takes
	// both.
	Wrap wrap.Algorithm

	// EncryptionContext is what the KMS binds the KEK to. It is stored
	// nowhere: who reads must know it. The names of the formats,
	// aws:x-amz-cek-alg and kms_cmk_id, must not be in it.
	EncryptionContext map[string]string
}

// A SidecarKey is a key of a KMS for clients that let it make a KEK for each
// object instead of wrapping content keys by it: the KEK, encrypted by the KMS,
// is stored beside the object, in the sidecar KEY.key. Use [NewSidecarKey].
//
// A SidecarKey is safe for concurrent use.
type SidecarKey struct {
	client wrap.KMS
	keyID  string
	alg    wrap.Algorithm
	encCtx map[string]string
}

var _ wrap.Key = (*SidecarKey)(nil)

// NewSidecarKey returns a key for [NewBucket], for writing and for reading, alone
// or in a [wrap.Keyring]. opts may be nil and is copied. Only a Bucket, or
// [NewOpener], tells it which object is meant; without one it answers
// [wrap.ErrNoKey].
//
// # Writing
//
// A put uses the KEK in the sidecar that is there, by one Decrypt of the KMS.
// Only where there is none does it let the KMS make one, and stores the sidecar
// before the object. So a put that fails leaves at worst a sidecar that nothing
// uses yet. An existing sidecar is never replaced: from then until the object is
// replaced too, and for good if that fails, the object before could not be read.
// One that the KMS rejects is [ErrSidecar], whether or not there is an object; to
// change the key ID delete the sidecar, and lose what was sealed under it. A key
// that ends in .key is [ErrKey], since it may be the sidecar of another object;
// a Bucket without a SidecarKey does not know that and writes there.
//
// What no order of requests prevents is a second client that replaces the
// sidecar at the same time. Put therefore looks at it once more in the end, and
// puts its own back as long as the object is its own, else it fails with
// [ErrChanged]. Two first puts of one key at the same moment are safe where the
// storage has conditions: one stores its sidecar, the other fails with ErrChanged
// before it stores anything. Elsewhere they can leave an object that cannot be
// read if the one whose sidecar came last then fails.
//
// The sidecar is the blob of the KMS as it is, not encoded, and has no metadata.
// [Bucket.Delete] leaves it.
//
// # Reading
//
// The blob may be raw or in base64, with white space around it or not. A missing
// one is [ErrNoSidecar], one of a wrong size ErrSidecar; one that the KMS rejects,
// and one that holds another KEK than the object needs, is [envelope.ErrDecrypt].
// It takes one request to the storage and one Decrypt for each opening, none of
// them before the policy has allowed the object; a [wrap.Cache] in front of the
// key saves both. The algorithms are [wrap.AESGCM] and [wrap.AESKW].
//
// # What is not promised
//
// The KEK is bound to the encryption context and not to the object: who can
// write to the storage can replace an object together with its sidecar by
// another pair. Who also knows a KEK that the KMS made under keyID, having been
// allowed to ask for one once, can put its blob where the next put of a key finds
// it, and read what is put there. AESWrap binds nothing, so such objects need
// AllowLegacyWraps. With [wrap.NewKMS] none of this is so.
//
// The KMS is asked with keyID only, and with none of what the storage says. Its
// errors pass through wrapped. NewSidecarKey does not call it. It may be called
// concurrently.
func NewSidecarKey(client wrap.KMS, keyID string, opts *SidecarOptions) (*SidecarKey, error) {
	if opts == nil {
		opts = new(SidecarOptions)
	}
	k := &SidecarKey{client, keyID, opts.Wrap, maps.Clone(opts.EncryptionContext)}
	if k.alg == wrap.Unnamed {
		k.alg = wrap.AESGCM
	}
	switch {
	case client == nil:
		return nil, errors.New("backend: sidecar key: missing KMS")
	case keyID == "":
		return nil, errors.New("backend: sidecar key: missing key ID")
	case newKEK(k.alg) == nil:
		return nil, fmt.Errorf("backend: sidecar key: want it to wrap by %v or %v, got %v", wrap.AESGCM, wrap.AESKW, k.alg)
	}
	for _, name := range []string{"aws:x-amz-cek-alg", "kms_cmk_id"} {
		if _, ok := k.encCtx[name]; ok {
			return nil, fmt.Errorf("backend: sidecar key: encryption context: entry %s is reserved", name)
		}
	}
	return k, nil
}

// newKEK returns the constructor of KEKs that use alg, or nil.
func newKEK(alg wrap.Algorithm) func(kek []byte) (wrap.Key, error) {
	switch alg {
	case wrap.AESGCM:
		return wrap.NewAESGCM
	case wrap.AESKW:
		return wrap.NewAESKeyWrap
	}
	return nil
}

// Algorithm returns how content keys are wrapped.
func (k *SidecarKey) Algorithm() wrap.Algorithm { return k.alg }

// Unwrap unwraps by the KEK in the sidecar of the object that ctx is about. It
// may be called concurrently.
func (k *SidecarKey) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) ([]byte, error) {
	newKey := newKEK(alg)
	if newKey == nil {
		return nil, fmt.Errorf("backend: sidecar key: %w: it does not serve %v", wrap.ErrNoKey, alg)
	}
	s := sidecarOf(ctx)
	if s == nil {
		return nil, fmt.Errorf("backend: sidecar key: %w: only a Bucket or NewOpener finds the sidecar", wrap.ErrNoKey)
	}
	data, err := s.load(ctx)
	if errors.Is(err, errNoFile) {
		s.missing.Store(true)
		return nil, fmt.Errorf("%w: %q", ErrNoSidecar, s.file())
	}
	if err != nil {
		return nil, err
	}
	s.loaded.Store(true)
	kek, err := k.decrypt(ctx, data, newKey)
	if err != nil {
		return nil, err
	}
	return kek.Unwrap(ctx, alg, wrapped, info)
}

func (k *SidecarKey) decrypt(ctx context.Context, data []byte, newKey func([]byte) (wrap.Key, error)) (wrap.Key, error) {
	return wrap.DecryptKEK(ctx, k.client, k.keyID, decodeBlob(data), k.encCtx, newKey)
}

// decodeBlob returns the blob in a sidecar. What can be read as base64 is: a
// blob of a KMS is binary, and encodeBlob sees to those that are not.
func decodeBlob(data []byte) []byte {
	text := strings.Trim(string(data), " \t\r\n")
	if blob, err := base64.StdEncoding.DecodeString(text); err == nil {
		return blob
	}
	return data
}

// A sidecar is what a SidecarKey needs to know of the object that is being
// opened or sealed. It travels in the context, because it has to reach the key
// through whatever unwrappers are around it: a Keyring, a Cache.
type sidecar struct {
	driver Driver
	key    string // of the object
	write  bool   // a put, which stores what Wrap leaves in data

	missing, loaded atomic.Bool // what Unwrap has found

	data  []byte // of the sidecar; nil if the wrapper was no SidecarKey
	fresh bool   // data is not stored yet
}

type sidecarContext struct{}

func (s *sidecar) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, sidecarContext{}, s)
}

func sidecarOf(ctx context.Context) *sidecar {
	s, _ := ctx.Value(sidecarContext{}).(*sidecar)
	return s
}

func (s *sidecar) file() string { return s.key + SidecarSuffix }

// load reads the sidecar, by one request and never more than one may have. Only
// an answer that there is no such object is errNoFile.
func (s *sidecar) load(ctx context.Context) ([]byte, error) {
	body, info, err := s.driver.Get(ctx, s.file(), &GetOptions{})
	switch {
	case errors.Is(err, ErrNotExist), !s.write && errors.Is(err, ErrKey): // a key too long for any object
		return nil, errNoFile
	case err != nil:
		return nil, fmt.Errorf("sidecar %q: %w", s.file(), err)
	}
	defer body.Close() // what counts is whether all was read
	if info.Size < 1 || info.Size > MaxSidecarSize {
		return nil, fmt.Errorf("%w: %q: want 1 to %d bytes, got %d", ErrSidecar, s.file(), MaxSidecarSize, info.Size)
	}
	data, err := io.ReadAll(newBodyReader(ctx, body, info.Size, "read sidecar"))
	if err != nil {
		return nil, fmt.Errorf("sidecar %q: %w", s.file(), err)
	}
	return data, nil
}

// NewOpener is [envelope.NewOpener] for an object that is stored under key in d,
// for callers who read bodies themselves, or none: it lets a [SidecarKey] among
// the keys find the sidecar of the object. Other keys do not need it.
//
// It adds [ErrNoSidecar], and the errors of d, to those of envelope.NewOpener. It
// may be called concurrently.
func NewOpener(ctx context.Context, d Driver, key string, h *envelope.Header, u wrap.Unwrapper, opts *envelope.OpenOptions) (*envelope.Opener, error) {
	return (&sidecar{driver: d, key: key}).open(ctx, h, u, opts)
}

func (s *sidecar) open(ctx context.Context, h *envelope.Header, u wrap.Unwrapper, opts *envelope.OpenOptions) (*envelope.Opener, error) {
	opener, err := envelope.NewOpener(s.in(ctx), h, u, opts)
	if errors.Is(err, wrap.ErrNoKey) && s.missing.Load() {
		// A Keyring between them says only that none of its keys serves.
		err = fmt.Errorf("%w: %q", ErrNoSidecar, s.file())
	}
	return opener, err
}
