// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/envelope/dare"
	"github.com/s3seal/s3seal/internal/vectors"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// TestRoundTrip: every suite under every wrap, both ways of sealing, both ways
// of releasing, sizes around the block.
func TestRoundTrip(t *testing.T) {
	for _, p := range sealable() {
		t.Run(fmt.Sprintf("%v,%v", p.suite, p.alg), func(t *testing.T) {
			for _, n := range []int{0, 1, 15, 16, 17, 4101} {
				roundTrip(t, p, bytes.Repeat([]byte("p"), n))
			}
		})
	}
}

func roundTrip(t *testing.T, p pair, plain []byte) {
	pulled := sealObject(t, p.key(t), p.options(), plain)
	s := must[*envelope.Sealer](t)(envelope.NewSealer(t.Context(), p.key(t), p.optionsFor(len(plain))))
	var body bytes.Buffer
	w := must[envelope.Writer](t)(s.Writer(&body))
	if n, err := w.ReadFrom(iotest.HalfReader(bytes.NewReader(plain))); err != nil || n != int64(len(plain)) {
		t.Errorf("ReadFrom = %d, %v; want %d", n, err, len(plain))
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	written := object{meta: must[map[string]string](t)(s.Header().Metadata()), body: body.Bytes(), plain: plain}
	for _, o := range []object{pulled, written} {
		h := must[*envelope.Header](t)(o.header())
		for _, release := range []envelope.Release{nil, envelope.UnverifiedUntilEOF()} {
			opts := h.Required()
			opts.Release = release
			if got, err := o.open(t.Context(), p.key(t), &opts); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes: open = %d bytes, %v", len(plain), len(got), err)
			}
		}
	}
}

// TestCEKSizes: old clients made CEKs of 16 and 24 bytes too; V3 has one size.
func TestCEKSizes(t *testing.T) {
	metas := valid()
	for size := range 40 {
		for format, meta := range metas {
			h := must[*envelope.Header](t)(envelope.ParseHeader(meta, dare.DARE2))
			opts := everything()
			ok := size == 16 || size == 24 || size == 32
			switch {
			case strings.HasPrefix(format, "V3"), format == "DARE2 empty":
				ok = false // 32 bytes pass the size, but not the commitment, or what stands in for a tag
			case !strings.HasPrefix(format, "V"):
				ok = size == 32
			}
			opts.Bind = envelope.Binding{Key: "any"}
			_, err := envelope.NewOpener(t.Context(), h, fixedKey{cek: make([]byte, size)}, &opts)
			if ok && err != nil || !ok && err != envelope.ErrDecrypt {
				t.Errorf("%s with a CEK of %d bytes: NewOpener = %v, want ok = %t", format, size, err, ok)
			}
		}
	}
	for _, size := range []int{16, 24, 32} {
		body, iv := gcmBody(t, make([]byte, size), []byte("hello"), []byte("aad"))
		h := &envelope.Header{Suite: envelope.V2GCM, Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60), IV: iv}
		for aad, ok := range map[string]bool{"aad": true, "": false, "aae": false} {
			opts := envelope.OpenOptions{AllowUncommitted: true, ContentAAD: []byte(aad)}
			opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), h, fixedKey{cek: make([]byte, size)}, &opts))
			r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(body), -1))
			if got, err := io.ReadAll(r); ok != (err == nil) || ok != (string(got) == "hello") {
				t.Errorf("CEK of %d bytes, AAD %q: read %q, %v; want ok = %t", size, aad, got, err, ok)
			}
		}
	}
}

// TestCEKSizeV3: a CEK of another size is refused even under a commitment that
// was made for it.
func TestCEKSizeV3(t *testing.T) {
	id := bytes.Repeat([]byte{5}, 28)
	for size, want := range map[int]error{16: envelope.ErrDecrypt, 24: envelope.ErrDecrypt, 32: nil, 33: envelope.ErrDecrypt} {
		cek := make([]byte, size)
		prk := must[[]byte](t)(hkdf.Extract(sha512.New, cek, id))
		commitment := must[[]byte](t)(hkdf.Expand(sha512.New, prk, "\x00\x73COMMITKEY", 28))
		h := &envelope.Header{Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60), IV: id, Commitment: commitment}
		if _, err := envelope.NewOpener(t.Context(), h, fixedKey{cek: cek}, nil); err != want {
			t.Errorf("CEK of %d bytes: NewOpener = %v, want %v", size, err, want)
		}
	}
}

// gcmBody seals with the standard library.
func gcmBody(t testing.TB, key, plain, aad []byte) (body, iv []byte) {
	t.Helper()
	block := must[cipher.Block](t)(aes.NewCipher(key))
	aead := must[cipher.AEAD](t)(cipher.NewGCM(block))
	iv = bytes.Repeat([]byte{7}, 12)
	return aead.Seal(nil, iv, plain, aad), iv
}

// TestKeyDerivation checks V3 against published derivations: the commitment
// must match, and the standard library's GCM under the published content key
// must open.
func TestKeyDerivation(t *testing.T) {
	var file struct {
		Tests []struct{ DataKey, MessageID, EncryptionKey, CommitKey string }
	}
	parseJSON(t, vectors.Read(t, "s3ec_v3_kdf.json"), &file)
	if len(file.Tests) != 2 {
		t.Fatalf("tests: want 2, got %d", len(file.Tests))
	}
	for i, v := range file.Tests {
		aead := must[cipher.AEAD](t)(cipher.NewGCM(must[cipher.Block](t)(aes.NewCipher(vectors.DecodeHex(t, v.EncryptionKey)))))
		body := aead.Seal(nil, bytes.Repeat([]byte{1}, 12), []byte("hello"), []byte{0, 0x73})
		h := &envelope.Header{Wrap: wrap.AESGCM, WrappedKey: make([]byte, 60), IV: vectors.DecodeHex(t, v.MessageID), Commitment: vectors.DecodeHex(t, v.CommitKey)}
		opener, err := envelope.NewOpener(t.Context(), h, fixedKey{cek: vectors.DecodeHex(t, v.DataKey)}, nil)
		if err != nil {
			t.Fatalf("test %d: NewOpener = %v", i, err)
		}
		r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(body), int64(len(body))))
		if got, err := io.ReadAll(r); err != nil || string(got) != "hello" {
			t.Errorf("test %d: read %q, %v; want hello", i, got, err)
		}
	}
}

// TestOpenErrors: what the key says about itself passes through, what it says
// about content does not.
func TestOpenErrors(t *testing.T) {
	h := must[*envelope.Header](t)(envelope.ParseHeader(valid()["V3"]))
	for _, c := range []struct{ err, want error }{
		{wrap.ErrNoKey, wrap.ErrNoKey},
		{fmt.Errorf("keys: %w", wrap.ErrNoKey), wrap.ErrNoKey},
		{context.Canceled, context.Canceled},
		{io.ErrClosedPipe, io.ErrClosedPipe},
		{wrap.ErrUnwrap, envelope.ErrDecrypt},
		{fmt.Errorf("block 7 is odd: %w", wrap.ErrUnwrap), envelope.ErrDecrypt},
	} {
		o, err := envelope.NewOpener(t.Context(), h, failingKey{c.err}, nil)
		if o != nil || !errors.Is(err, c.want) || c.want == envelope.ErrDecrypt && err != envelope.ErrDecrypt {
			t.Errorf("NewOpener with a key that says %v = %v, want %v", c.err, err, c.want)
		}
	}
	if _, err := envelope.NewOpener(t.Context(), h, nil, nil); !errors.Is(err, wrap.ErrNoKey) {
		t.Errorf("NewOpener without key = %v, want ErrNoKey", err)
	}
	if _, err := envelope.NewOpener(t.Context(), nil, fixedKey{}, nil); !errors.Is(err, envelope.ErrNotEncrypted) {
		t.Errorf("NewOpener without header = %v, want ErrNotEncrypted", err)
	}
	keys := &counter{Unwrapper: fixedKey{}}
	if _, err := envelope.NewOpener(t.Context(), new(envelope.Header), keys, nil); !isMetadata(err) || keys.calls != 0 {
		t.Errorf("NewOpener with an empty header = %v after %d unwraps, want a MetadataError", err, keys.calls)
	}
}

func isMetadata(err error) bool {
	var bad *envelope.MetadataError
	return errors.As(err, &bad)
}

type failingKey struct{ err error }

func (k failingKey) Unwrap(context.Context, wrap.Algorithm, []byte, wrap.Info) ([]byte, error) {
	return nil, k.err
}

// A source is a body that knows what happened to it.
type source struct {
	io.Reader
	reads, closes int
	closeErr      error
}

func (s *source) Read(p []byte) (int, error) { s.reads++; return s.Reader.Read(p) }
func (s *source) Close() error               { s.closes++; return s.closeErr }

// openerOf opens an object that was sealed under kek with all options.
func openerOf(t testing.TB, o object, u wrap.Unwrapper, release envelope.Release) *envelope.Opener {
	t.Helper()
	opts := everything()
	opts.Release = release
	h := must[*envelope.Header](t)(o.header())
	return must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), h, u, &opts))
}

// TestBufferLimit: the limit is inclusive, counts the tag, and a declared size
// over it is refused before the body is touched.
func TestBufferLimit(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	o := sealObject(t, p.key(t), p.options(), make([]byte, 1000))
	size := int64(len(o.body))
	for limit, ok := range map[int64]bool{size: true, size - 1: false, 0: false, -1: false} {
		opener := openerOf(t, o, p.key(t), envelope.Buffered(limit))
		src := &source{Reader: bytes.NewReader(o.body)}
		r, err := opener.Reader(src, size)
		if ok != (err == nil) || !ok && (!errors.Is(err, stream.ErrBufferLimit) || r != nil) || src.reads+src.closes != 0 {
			t.Errorf("limit %d: Reader = %v after %d reads, want ok = %t", limit, err, src.reads, ok)
		}
		if limit < 0 {
			continue
		}
		r = must[io.ReadCloser](t)(opener.Reader(src, -1))
		got, err := io.ReadAll(r)
		if ok && err != nil || !ok && (!errors.Is(err, stream.ErrBufferLimit) || len(got) != 0) {
			t.Errorf("limit %d, unknown size: read %d bytes, %v; want ok = %t", limit, len(got), err, ok)
		}
	}
	src := &source{Reader: bytes.NewReader(nil)}
	if _, err := openerOf(t, o, p.key(t), nil).Reader(src, 64<<20+1); !errors.Is(err, stream.ErrBufferLimit) || src.reads != 0 {
		t.Errorf("default limit: Reader = %v, want ErrBufferLimit", err)
	}
	if _, err := openerOf(t, o, p.key(t), envelope.UnverifiedUntilEOF()).Reader(src, 1<<36); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("over the limit of GCM: Reader = %v, want ErrTooLarge", err)
	}
}

// TestForeignRelease: a type that only looks like a Release gets the safe one.
func TestForeignRelease(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	o := sealObject(t, p.key(t), p.options(), pattern(37))
	o.body[0] ^= 1
	foreign := struct{ envelope.Release }{envelope.UnverifiedUntilEOF()}
	r := must[io.ReadCloser](t)(openerOf(t, o, p.key(t), foreign).Reader(bytes.NewReader(o.body), -1))
	if got, err := io.ReadAll(r); len(got) != 0 || err != envelope.ErrDecrypt {
		t.Errorf("read %d bytes, %v; want 0, ErrDecrypt", len(got), err)
	}
}

// TestDeclaredSize: content without a tag is held to the declared size.
func TestDeclaredSize(t *testing.T) {
	for _, o := range []object{
		sealObject(t, pair{envelope.V1, wrap.AESECB}.key(t), &envelope.SealOptions{Suite: envelope.V1}, make([]byte, 1000)),
		ctrObject(t, make([]byte, 1008)),
	} {
		size := int64(len(o.body))
		for _, c := range []struct {
			size int64
			ok   bool
		}{{size, true}, {-1, true}, {size + 16, false}, {size - 16, false}, {16, false}} {
			r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), nil).Reader(bytes.NewReader(o.body), c.size))
			got, err := io.ReadAll(r)
			if c.ok && (err != nil || !bytes.Equal(got, o.plain)) || !c.ok && err != envelope.ErrDecrypt {
				t.Errorf("declared %d of %d bytes: read %d, %v; want ok = %t", c.size, size, len(got), err, c.ok)
			}
		}
		if _, err := openerOf(t, o, aesKeys(t, kek), nil).Reader(nil, -2); err == nil {
			t.Error("Reader with size -2 has no error")
		}
	}
}

// ctrObject makes what nobody should: V2-CTR content under AESWrap.
func ctrObject(t testing.TB, plain []byte) object {
	t.Helper()
	cek, iv := bytes.Repeat([]byte("c"), 32), bytes.Repeat([]byte{0xff}, 16) // the counter wraps at once
	wrapped := must[[]byte](t)(wrap.AESKeyWrap(kek, cek))
	block := must[cipher.Block](t)(aes.NewCipher(cek))
	body := make([]byte, len(plain))
	cipher.NewCTR(block, iv).XORKeyStream(body, plain)
	meta := map[string]string{
		"x-amz-key-v2": b64of(wrapped), "x-amz-iv": b64of(iv), "x-amz-matdesc": "{}",
		"x-amz-cek-alg": "AES/CTR/NoPadding", "x-amz-wrap-alg": "AESWrap", "x-amz-tag-len": "0",
	}
	return object{meta: meta, body: body, plain: plain}
}

// TestClose: the source is closed once, closing is never success.
func TestClose(t *testing.T) {
	o := sealObject(t, pair{envelope.V3, wrap.AESGCM}.key(t), nil, make([]byte, 1000))
	failed := errors.New("close failed")
	for _, closeErr := range []error{nil, failed} {
		for _, readFirst := range []int{0, 1, 2000} {
			src := &source{Reader: bytes.NewReader(o.body), closeErr: closeErr}
			r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), nil).Reader(src, -1))
			io.ReadFull(r, make([]byte, readFirst))
			for range 2 {
				if err := r.Close(); !errors.Is(err, closeErr) || src.closes != 1 {
					t.Errorf("Close = %v after %d closes, want %v, 1", err, src.closes, closeErr)
				}
			}
			want := stream.ErrClosed
			if readFirst > 1000 {
				want = io.EOF // it had ended before
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != want {
				t.Errorf("Read after Close = %d, %v; want 0, %v", n, err, want)
			}
		}
	}
	r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), nil).Reader(bytes.NewReader(o.body), -1))
	if err := r.Close(); err != nil {
		t.Errorf("Close of a source without Close = %v", err)
	}
	if n, err := r.(io.WriterTo).WriteTo(io.Discard); n != 0 || err != stream.ErrClosed {
		t.Errorf("WriteTo after Close = %d, %v; want 0, ErrClosed", n, err)
	}
}

// TestSourceErrors pass through, never as a bare end, and stick.
func TestSourceErrors(t *testing.T) {
	objects := []object{ctrObject(t, make([]byte, 1000))}
	for _, p := range []pair{{envelope.V3, wrap.AESGCM}, {envelope.V2CBC, wrap.AESKW}} {
		objects = append(objects, sealObject(t, p.key(t), p.options(), make([]byte, 1000)))
	}
	for _, o := range objects {
		for _, cause := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe} {
			for _, release := range []envelope.Release{nil, envelope.UnverifiedUntilEOF()} {
				src := io.MultiReader(bytes.NewReader(o.body[:500]), iotest.ErrReader(cause))
				r := must[io.ReadCloser](t)(openerOf(t, o, aesKeys(t, kek), release).Reader(src, -1))
				_, err := io.ReadAll(r)
				if !errors.Is(err, cause) || err == cause || errors.Is(err, envelope.ErrDecrypt) {
					t.Errorf("source fails with %v: read says %v", cause, err)
				}
				if n, again := r.Read(make([]byte, 1)); n != 0 || again != err {
					t.Errorf("second Read = %d, %v; want 0, %v", n, again, err)
				}
			}
		}
	}
}

// TestAuthenticated follows what was released to when it was verified.
func TestAuthenticated(t *testing.T) {
	p := pair{envelope.V3, wrap.AESGCM}
	good := sealObject(t, p.key(t), p.options(), make([]byte, 300<<10))
	bad := good.clone()
	bad.body[len(bad.body)-1] ^= 1
	expect := func(o *envelope.Opener, want bool, when string) {
		t.Helper()
		if got := o.Authenticated(); got != want {
			t.Errorf("%s: Authenticated = %t, want %t", when, got, want)
		}
	}
	for _, o := range []object{good, bad} {
		opener := openerOf(t, o, p.key(t), nil)
		r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(o.body), -1))
		r.Read(make([]byte, 1))
		expect(opener, true, "buffered, first byte")
		io.Copy(io.Discard, r)
		expect(opener, true, "buffered, end")
	}
	for name, drain := range map[string]func(io.Reader){
		"Read":    func(r io.Reader) { io.ReadAll(r) },
		"WriteTo": func(r io.Reader) { r.(io.WriterTo).WriteTo(io.Discard) },
	} {
		for _, o := range []object{good, bad} {
			opener := openerOf(t, o, p.key(t), envelope.UnverifiedUntilEOF())
			r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(o.body), -1))
			expect(opener, true, "unverified, nothing read")
			if n, err := r.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Fatalf("Read = %d, %v; want 1, nil", n, err)
			}
			expect(opener, false, "unverified, first byte")
			drain(r)
			expect(opener, &o.body[0] == &good.body[0], "unverified, after "+name)
		}
	}
	short := good.clone()
	short.body = short.body[:16]
	opener := openerOf(t, short, p.key(t), envelope.UnverifiedUntilEOF())
	r := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(short.body), -1))
	if n, err := r.(io.WriterTo).WriteTo(io.Discard); n != 0 || err != envelope.ErrDecrypt {
		t.Errorf("WriteTo of a lone wrong tag = %d, %v; want 0, ErrDecrypt", n, err)
	}
	expect(opener, true, "unverified, failed without a byte")
	for _, o := range []object{ctrObject(t, nil), sealObject(t, pair{envelope.V1, wrap.AESECB}.key(t), &envelope.SealOptions{Suite: envelope.V1}, nil)} {
		expect(openerOf(t, o, aesKeys(t, kek), nil), false, "content that nothing can verify")
	}
}

// TestConcurrentReaders: one opener may serve several readers at once.
func TestConcurrentReaders(t *testing.T) {
	o := sealObject(t, pair{envelope.V3, wrap.AESGCM}.key(t), nil, bytes.Repeat([]byte("x"), 200<<10))
	opener := openerOf(t, o, aesKeys(t, kek), envelope.UnverifiedUntilEOF())
	done := make(chan error)
	for range 8 {
		go func() {
			r, err := opener.Reader(bytes.NewReader(o.body), -1)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if !opener.Authenticated() {
		t.Error("Authenticated = false after all readers reached the end")
	}
}
