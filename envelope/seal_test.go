// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/printtest"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// A pair is a suite with a wrap that it can be sealed with.
type pair struct {
	suite envelope.Suite
	alg   wrap.Algorithm
}

// sealable lists all pairs, independently of the table in the package.
func sealable() []pair {
	pairs := sealableInParts()
	for _, suite := range []envelope.Suite{envelope.Chunked, dare.DARE2} {
		for _, alg := range []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext} {
			pairs = append(pairs, pair{suite, alg})
		}
	}
	return pairs
}

// sealableInParts lists those of AWS's formats.
func sealableInParts() []pair {
	pairs := []pair{{envelope.V1, wrap.AESECB}, {envelope.V1, wrap.RSAPKCS1}}
	for _, suite := range []envelope.Suite{envelope.V3, envelope.V2GCM, envelope.V2CBC} {
		for _, alg := range []wrap.Algorithm{wrap.AESGCM, wrap.RSAOAEPSHA1, wrap.KMSContext} {
			pairs = append(pairs, pair{suite, alg})
		}
	}
	for _, suite := range []envelope.Suite{envelope.V2GCM, envelope.V2CBC} {
		pairs = append(pairs, pair{suite, wrap.AESKW}, pair{suite, wrap.KMSPlain})
	}
	return pairs
}

func (p pair) options() *envelope.SealOptions {
	desc := map[string]string{"user": "é"}
	if p.alg == wrap.KMSPlain {
		desc["kms_cmk_id"] = "key"
	}
	return &envelope.SealOptions{Suite: p.suite, MatDesc: desc}
}

// optionsFor are those for a plaintext of n bytes.
func (p pair) optionsFor(n int) *envelope.SealOptions {
	opts := p.options()
	opts.Empty = n == 0
	return opts
}

func (p pair) key(t testing.TB) wrap.Key {
	key := must[wrap.Key](t)
	switch p.alg {
	case wrap.AESGCM:
		return key(wrap.NewAESGCM(kek))
	case wrap.AESKW:
		return key(wrap.NewAESKeyWrap(kek))
	case wrap.AESECB:
		return key(legacy.NewAESECB(kek))
	case wrap.RSAOAEPSHA1:
		return key(wrap.NewRSAOAEPKey(rsaKey(t)))
	case wrap.RSAPKCS1:
		return key(legacy.NewRSAPKCS1Key(rsaKey(t)))
	}
	return newFakeKMS(t, p.alg)
}

// TestSealPairs tries every suite with every algorithm: it seals, or the error
// names what to use instead, before the key is used.
func TestSealPairs(t *testing.T) {
	ok := make(map[pair]bool)
	for _, p := range sealable() {
		ok[p] = true
	}
	suites := []envelope.Suite{envelope.V1, envelope.V2CBC, envelope.V2GCM, envelope.V2CTR, envelope.V3, envelope.Chunked, dare.DARE2}
	for _, suite := range suites {
		for alg := wrap.Unnamed; alg <= wrap.RSARaw+1; alg++ {
			p := pair{suite, alg}
			w := &wrapCounter{Wrapper: fixedKey{alg: alg}}
			s, err := envelope.NewSealer(t.Context(), w, p.options())
			if ok[p] != (err == nil) || ok[p] != (s != nil) || ok[p] != (w.calls == 1) {
				t.Errorf("%v, %v: NewSealer = %v, %v after %d wraps; want ok = %t", suite, alg, s, err, w.calls, ok[p])
			}
			if err != nil && !strings.Contains(err.Error(), "; use ") {
				t.Errorf("%v, %v: %q does not say what to use", suite, alg, err)
			}
		}
	}
	_, err := envelope.NewSealer(t.Context(), fixedKey{alg: wrap.AESKW}, nil)
	want := "envelope: format V3 cannot carry a key wrapped by AESWrap; use AES/GCM, RSA-OAEP-SHA1, kms+context, or format V2-GCM, V2-CBC"
	if err == nil || err.Error() != want {
		t.Errorf("NewSealer = %v, want %s", err, want)
	}
}

type wrapCounter struct {
	wrap.Wrapper
	calls int
}

func (c *wrapCounter) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	c.calls++
	return c.Wrapper.Wrap(ctx, cek, info)
}

// TestSealReservedNames: the caller cannot set what the formats promise.
func TestSealReservedNames(t *testing.T) {
	const alg, cmk = "aws:x-amz-cek-alg", "kms_cmk_id"
	for _, c := range []struct {
		p    pair
		desc map[string]string
		ok   bool
	}{
		{pair{envelope.V3, wrap.AESGCM}, map[string]string{alg: "115"}, false},
		{pair{envelope.V3, wrap.KMSContext}, map[string]string{alg: "115"}, false},
		{pair{envelope.V2GCM, wrap.KMSPlain}, map[string]string{alg: "x", cmk: "k"}, false},
		{pair{envelope.V3, wrap.AESGCM}, map[string]string{cmk: "k"}, false},
		{pair{envelope.V3, wrap.KMSContext}, map[string]string{cmk: "k"}, false},
		{pair{envelope.V1, wrap.AESECB}, map[string]string{cmk: "k"}, false},
		{pair{envelope.V2GCM, wrap.KMSPlain}, map[string]string{}, false},
		{pair{envelope.V2GCM, wrap.KMSPlain}, map[string]string{cmk: "k"}, true},
		{pair{envelope.V3, wrap.AESGCM}, map[string]string{"AWS:X-AMZ-CEK-ALG": "x"}, true},
		{pair{envelope.V3, wrap.AESGCM}, map[string]string{"\xff": "x"}, false},
	} {
		w := &wrapCounter{Wrapper: c.p.key(t)}
		_, err := envelope.NewSealer(t.Context(), w, &envelope.SealOptions{Suite: c.p.suite, MatDesc: c.desc})
		var bad *envelope.MetadataError
		if c.ok && err != nil || !c.ok && (!errors.As(err, &bad) || w.calls != 0) {
			t.Errorf("%v, %q: NewSealer = %v after %d wraps, want ok = %t", c.p, c.desc, err, w.calls, c.ok)
		}
	}
}

// TestSealerOnce: one IV, one object, however it is asked for.
func TestSealerOnce(t *testing.T) {
	ask := map[string]func(s *envelope.Sealer) error{
		"Reader": func(s *envelope.Sealer) error { _, err := s.Reader(strings.NewReader("")); return err },
		"Writer": func(s *envelope.Sealer) error { _, err := s.Writer(io.Discard); return err },
	}
	for _, p := range sealable() {
		for first := range ask {
			for second := range ask {
				s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options()))
				if err := ask[first](s); err != nil {
					t.Errorf("%v: %s = %v", p, first, err)
				}
				for range 2 {
					if err := ask[second](s); err != envelope.ErrUsed {
						t.Errorf("%v: %s after %s = %v, want ErrUsed", p, second, first, err)
					}
				}
			}
		}
	}
}

// TestSealReaderCannotRewind: a transport that retries must not be able to
// encrypt again under a used IV.
func TestSealReaderCannotRewind(t *testing.T) {
	for _, p := range sealable() {
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options()))
		r := must[io.Reader](t)(s.Reader(strings.NewReader("x")))
		_, seeker := r.(io.Seeker)
		_, readerAt := r.(io.ReaderAt)
		_, writerTo := r.(io.WriterTo)
		if seeker || readerAt || writerTo {
			t.Errorf("%v: Reader has more than Read: %T", p, r)
		}
	}
}

// TestSealerHeaderIsACopy: callers cannot change what a sealer or opener uses.
func TestSealerHeaderIsACopy(t *testing.T) {
	for _, p := range sealable() {
		opts := p.options()
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), opts))
		opts.MatDesc["later"] = "x"
		h := s.Header()
		before := must[map[string]string](t)(h.Metadata())
		clear(h.WrappedKey)
		clear(h.IV)
		clear(h.Commitment)
		h.MatDesc["later"] = "x"
		if after := must[map[string]string](t)(s.Header().Metadata()); !maps.Equal(before, after) {
			t.Errorf("%v: header changed from %q to %q", p, before, after)
		}
	}
}

// TestSealersDiffer: no key, IV or message id is made twice.
func TestSealersDiffer(t *testing.T) {
	for _, p := range sealable() {
		seen := make(map[string]bool)
		for range 8 {
			h := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options())).Header()
			for _, b := range [][]byte{h.IV, h.WrappedKey, h.Commitment} {
				if len(b) > 0 && (seen[string(b)] || bytes.Equal(b, make([]byte, len(b)))) {
					t.Errorf("%v: %x twice, or zero", p, b)
				}
				seen[string(b)] = true
			}
		}
	}
}

// TestWriterAbort: an aborted body is not finished, and says why.
func TestWriterAbort(t *testing.T) {
	cause := errors.New("source died")
	for _, p := range sealable() {
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.options()))
		var body bytes.Buffer
		w := must[envelope.Writer](t)(s.Writer(&body))
		if _, err := io.WriteString(w, strings.Repeat("half of it", 20)); err != nil {
			t.Fatal(err)
		}
		w.Abort(cause)
		if err := w.Close(); !errors.Is(err, cause) {
			t.Errorf("%v: Close after Abort = %v, want %v", p, err, cause)
		}
		if n := body.Len(); n >= 200 {
			t.Errorf("%v: %d bytes were written, as if the body were whole", p, n)
		}
	}
}

// TestSealErrors: a missing key, and what a wrapper says, pass through.
func TestSealErrors(t *testing.T) {
	if s, err := envelope.NewSealer(t.Context(), nil, nil); s != nil || !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("NewSealer without a key = %v, %v; want ErrNoKey", s, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := envelope.NewSealer(ctx, ctxWrapper{}, nil); s != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("NewSealer after cancel = %v, %v; want context.Canceled", s, err)
	}
	if s, err := envelope.NewSealer(t.Context(), ctxWrapper{}, nil); s != nil || err == nil {
		t.Errorf("NewSealer with an empty wrapped key = %v, nil; want an error", s)
	}
}

// A ctxWrapper knows nothing but its context.
type ctxWrapper struct{}

func (ctxWrapper) Algorithm() wrap.Algorithm { return wrap.AESGCM }
func (ctxWrapper) Wrap(ctx context.Context, _ []byte, _ wrap.Info) ([]byte, error) {
	return nil, ctx.Err()
}

// TestNoKeyIsPrinted: no verb, log or pointer chase shows a key.
func TestNoKeyIsPrinted(t *testing.T) {
	for _, p := range sealable() {
		spy := &spyWrapper{Wrapper: p.key(t)}
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), spy, p.options()))
		required := s.Header().Required()
		o := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), s.Header(), p.key(t), &required))
		text := printtest.Hides(t, []any{s, o, s.Header()}, spy.cek, s.ContentKey(), o.ContentKey())
		if !strings.Contains(text, "sealer of "+p.suite.String()) {
			t.Errorf("%v: nothing was printed", p)
		}
	}
}

type spyWrapper struct {
	wrap.Wrapper
	cek []byte
}

func (w *spyWrapper) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	w.cek = bytes.Clone(cek)
	return w.Wrapper.Wrap(ctx, cek, info)
}

// TestKeysAreCleared: the CEK after wrapping and after unwrapping, the content
// key once the stream has it.
func TestKeysAreCleared(t *testing.T) {
	for _, p := range sealable() {
		keep := &keeper{Key: p.key(t)}
		s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), keep, p.options()))
		content := s.ContentKey()
		if bytes.Equal(content, make([]byte, 32)) {
			t.Errorf("%v: content key is zero before its use", p)
		}
		must[envelope.Writer](t)(s.Writer(io.Discard))
		required := s.Header().Required()
		must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), s.Header(), keep, &required))
		for name, key := range map[string][]byte{"wrapped": keep.in, "unwrapped": keep.out, "content": content} {
			if len(key) != 32 || !bytes.Equal(key, make([]byte, 32)) {
				t.Errorf("%v: %s key of %d bytes was not cleared", p, name, len(key))
			}
		}
	}
}

// A keeper retains what it must not, to see what becomes of it.
type keeper struct {
	wrap.Key
	in, out []byte
}

func (k *keeper) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	k.in = cek
	return k.Key.Wrap(ctx, cek, info)
}

func (k *keeper) Unwrap(ctx context.Context, alg wrap.Algorithm, wrapped []byte, info wrap.Info) (cek []byte, err error) {
	k.out, err = k.Key.Unwrap(ctx, alg, wrapped, info)
	return k.out, err
}
