// SPDX-License-Identifier: Apache-2.0

package chunked_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"pgregory.net/rapid"

	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/stream/chunked"
)

// An encrypter is one way to encrypt.
type encrypter func(key, salt, context, plain []byte) ([]byte, error)

var encrypters = map[string]encrypter{
	"Write": func(key, salt, context, plain []byte) ([]byte, error) {
		return push(key, salt, context, func(w *chunked.EncryptWriter) error {
			_, err := w.Write(plain)
			return err
		})
	},
	"ReadFrom": func(key, salt, context, plain []byte) ([]byte, error) {
		return push(key, salt, context, func(w *chunked.EncryptWriter) error {
			_, err := w.ReadFrom(bytes.NewReader(plain))
			return err
		})
	},
	"Read": func(key, salt, context, plain []byte) ([]byte, error) {
		r, err := chunked.NewEncryptReaderSalt(bytes.NewReader(plain), key, salt, context)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	},
}

// push writes a stream by f.
func push(key, salt, context []byte, f func(w *chunked.EncryptWriter) error) ([]byte, error) {
	var buf bytes.Buffer
	w, err := chunked.NewEncryptWriterSalt(&buf, key, salt, context)
	if err == nil {
		err = f(w)
	}
	if err == nil {
		err = w.Close()
	}
	return buf.Bytes(), err
}

// TestWycheproofEncryption seals the messages of the valid vectors again, with
// their salts.
func TestWycheproofEncryption(t *testing.T) {
	ran := 0
	for _, v := range loadVectors(t) {
		if v.Result != "valid" {
			continue
		}
		ran++
		plain, _ := specOpen(v.Key, v.Ctx, v.CT)
		for name, seal := range encrypters {
			if got, err := seal(v.Key, v.CT[:24], v.Ctx, plain); err != nil || !bytes.Equal(got, v.CT) {
				t.Errorf("tc=%d: %s: %s: %v, or other bytes", v.TcID, v.Comment, name, err)
			}
		}
	}
	if ran < 7 {
		t.Errorf("%d valid vectors, want more", ran)
	}
}

// TestSaltIsRandom: the salt is what crypto/rand yields, all of it.
func TestSaltIsRandom(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 2026)
	salt := make([]byte, 24)
	rand.Read(salt)
	cryptotest.SetGlobalRandom(t, 2026)
	var buf bytes.Buffer
	w := must(chunked.NewEncryptWriter(&buf, testKey, testContext))
	io.WriteString(w, "attack at dawn")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cryptotest.SetGlobalRandom(t, 2026)
	pulled := must(io.ReadAll(must(chunked.NewEncryptReader(strings.NewReader("attack at dawn"), testKey, testContext))))
	want := specSeal(testKey, salt, testContext, []byte("attack at dawn"))
	if !bytes.Equal(buf.Bytes(), want) || !bytes.Equal(pulled, want) {
		t.Errorf("streams %x and %x, want %x", buf.Bytes(), pulled, want)
	}
}

// TestSaltsDiffer: two streams of the same under the same have nothing in
// common.
func TestSaltsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		r := must(chunked.NewEncryptReader(bytes.NewReader(nil), testKey, nil))
		ct := must(io.ReadAll(r))
		for _, part := range [][]byte{ct[:24], ct[24:56], ct[56:]} {
			if seen[string(part)] || bytes.Equal(part, make([]byte, len(part))) {
				t.Fatalf("%x came twice, or is nothing", part)
			}
			seen[string(part)] = true
		}
	}
}

// TestEdges encrypts and decrypts around the edges of chunks and runs.
func TestEdges(t *testing.T) {
	var sizes []int
	for _, edge := range []int{0, chunk, 6 * chunk, run, run + chunk, 2 * run, 9 * run} {
		sizes = append(sizes, edge, edge+1, max(edge-1, 2), edge+chunk/2)
	}
	for _, n := range sizes {
		plain := text(n)
		want := seal(plain)
		for name, seal := range encrypters {
			if got, err := seal(testKey, testSalt, testContext, plain); err != nil || !bytes.Equal(got, want) {
				t.Errorf("len=%d: %s: %v, or other bytes", n, name, err)
			}
		}
		for name, open := range decrypters {
			if got, err := open(testKey, testContext, want); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("len=%d: %s: %v, or other bytes", n, name, err)
			}
		}
	}
}

// TestSplits writes in pieces of any size, by any method, and reads in others.
func TestSplits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := text(rapid.IntRange(0, 4*run).Draw(t, "size"))
		size := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, 2*run))
		ct, err := push(testKey, testSalt, testContext, func(w *chunked.EncryptWriter) error {
			for rest := plain; len(rest) > 0; {
				p := rest[:min(len(rest), max(len(rest)/50, size.Draw(t, "write")))]
				rest = rest[len(p):]
				var err error
				if rapid.Bool().Draw(t, "from") {
					_, err = w.ReadFrom(bytes.NewReader(p))
				} else {
					_, err = w.Write(p)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || !bytes.Equal(ct, seal(plain)) {
			t.Fatalf("%v, or other bytes than those of the specification", err)
		}
		r := must(chunked.NewDecryptReader(bytes.NewReader(ct), testKey, testContext))
		var got []byte
		for err == nil {
			p := make([]byte, max(len(plain)/50, size.Draw(t, "read"), 1))
			var n int
			n, err = r.Read(p)
			got = append(got, p[:n]...)
		}
		if err != io.EOF || !bytes.Equal(got, plain) {
			t.Fatalf("%v after %d of %d bytes, or other bytes", err, len(got), len(plain))
		}
	})
}

// TestOracle alters streams at random: what is accepted, and what is released
// of the others, is what the specification says.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := text(rapid.IntRange(0, 9*chunk).Draw(t, "size"))
		head, list := pieces(seal(plain))
		list = slices.Clone(list)
		for range rapid.IntRange(0, 3).Draw(t, "alterations") {
			i := rapid.IntRange(0, len(list)-1).Draw(t, "chunk")
			switch rapid.IntRange(0, 3).Draw(t, "alteration") {
			case 0:
				list[i] = bytes.Clone(list[i])
				list[i][rapid.IntRange(0, len(list[i])-1).Draw(t, "byte")] ^= 1
			case 1:
				list = slices.Insert(list, i, list[rapid.IntRange(0, len(list)-1).Draw(t, "doubled")])
			case 2:
				list[i] = list[rapid.IntRange(0, len(list)-1).Draw(t, "put")]
			case 3:
				list[i] = list[i][:rapid.IntRange(1, len(list[i])).Draw(t, "cut")]
			}
		}
		ct := join(head, list...)
		want, whole := specOpen(testKey, testContext, ct)
		for name, open := range decrypters {
			got, err := open(testKey, testContext, ct)
			if (err == nil) != whole || err != nil && !isDecrypt(err) {
				t.Fatalf("%s: %v, but whole = %v", name, err, whole)
			}
			if !bytes.HasPrefix(want, got) || name != "ReaderAt" && len(got) != len(want) {
				t.Fatalf("%s: %d bytes released, want %d", name, len(got), len(want))
			}
		}
	})
}

// TestAbort: of an aborted stream the end is missing, whatever is called.
func TestAbort(t *testing.T) {
	cause := errors.New("dump died")
	for _, n := range []int{0, 100, run, 3*run + 100} {
		var buf bytes.Buffer
		w := must(chunked.NewEncryptWriter(&buf, testKey, testContext))
		if _, err := w.Write(text(n)); err != nil {
			t.Fatal(err)
		}
		w.Abort(cause)
		before := buf.Len()
		for range 2 {
			if err := w.Close(); !errors.Is(err, stream.ErrAborted) || !errors.Is(err, cause) {
				t.Errorf("len=%d: Close = %v, want ErrAborted and the cause", n, err)
			}
		}
		if buf.Len() != before {
			t.Errorf("len=%d: Close wrote %d bytes", n, buf.Len()-before)
		}
		if err := rejected(decrypters["Read"], buf.Bytes(), text(n)); err != nil {
			t.Errorf("len=%d: %v", n, err)
		}
	}
}

// TestLimits takes streams to their last chunk, and no further.
func TestLimits(t *testing.T) {
	const last = 1<<38 - 1
	aead, base, commitment := specKeys(testKey, testSalt, testContext)
	plain := text(chunk - 1)
	tail := aead.Seal(nil, specNonce(base, last), plain, nil)
	check := func(what string, got []byte, err error) {
		t.Helper()
		if err != nil || !bytes.Equal(got, tail) {
			t.Errorf("%s: %v, or other bytes", what, err)
		}
	}
	var buf bytes.Buffer
	w := chunked.Skip(must(chunked.NewEncryptWriterSalt(&buf, testKey, testSalt, testContext)), last)
	_, err := w.Write(plain)
	err = errors.Join(err, w.Close())
	check("Write", buf.Bytes(), err)
	r := chunked.Skip(must(chunked.NewEncryptReaderSalt(bytes.NewReader(plain), testKey, testSalt, testContext)), last)
	got, err := io.ReadAll(r)
	check("Read", got, err)

	buf.Reset()
	w = chunked.Skip(must(chunked.NewEncryptWriterSalt(&buf, testKey, testSalt, testContext)), last)
	if n, err := w.Write(text(chunk)); n != 0 || err != stream.ErrTooLarge || w.Close() != err || buf.Len() != 0 {
		t.Errorf("Write past the limit = %d, %v, and %d bytes came out", n, err, buf.Len())
	}
	r = chunked.Skip(must(chunked.NewEncryptReaderSalt(bytes.NewReader(text(chunk)), testKey, testSalt, testContext)), last)
	if got, err := io.ReadAll(r); len(got) != 0 || err != stream.ErrTooLarge {
		t.Errorf("Read past the limit = %d, %v", len(got), err)
	}

	for _, c := range []struct {
		name string
		body []byte
		from int64
		want error
	}{
		{"at the limit", tail, last, nil},
		{"one chunk more", slices.Concat(make([]byte, sealed), tail), last, stream.ErrTooLarge},
		{"much more", make([]byte, 10*sealed), last - 3, stream.ErrTooLarge},
	} {
		src := bytes.NewReader(slices.Concat(testSalt, commitment, c.body))
		r := chunked.Skip(must(chunked.NewDecryptReader(src, testKey, testContext)), c.from)
		got, err := io.ReadAll(r)
		if err != c.want || (err == nil) != bytes.Equal(got, plain) || err != nil && len(got) != 0 {
			t.Errorf("DecryptReader, %s: %d bytes, %v, want %v", c.name, len(got), err, c.want)
		}
	}
}

// TestArguments: what constructors refuse, without touching source or sink.
func TestArguments(t *testing.T) {
	for _, n := range []int{0, 16, 24, 31, 33, 64} {
		key := make([]byte, n)
		want := fmt.Sprintf("chunked: key: want 32 bytes, got %d", n)
		_, writer := chunked.NewEncryptWriter(panicking{}, key, nil)
		_, reader := chunked.NewEncryptReader(panicking{}, key, nil)
		_, decrypt := chunked.NewDecryptReader(panicking{}, key, nil)
		_, at := chunked.NewReaderAt(panicking{}, 72, key, nil)
		for _, err := range []error{writer, reader, decrypt, at} {
			if err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		}
	}
	must(chunked.NewEncryptWriter(panicking{}, testKey, nil)).Abort(nil)
	must(chunked.NewEncryptReader(panicking{}, testKey, nil))
	must(chunked.NewDecryptReader(panicking{}, testKey, nil))
}

// TestRetainsNothing changes key and context after the constructors.
func TestRetainsNothing(t *testing.T) {
	key, context := bytes.Clone(testKey), bytes.Clone(testContext)
	var buf bytes.Buffer
	w := must(chunked.NewEncryptWriter(&buf, key, context))
	pull := must(chunked.NewEncryptReader(bytes.NewReader(text(100)), key, context))
	r := must(chunked.NewDecryptReader(&buf, key, context))
	clear(key)
	clear(context)
	_, err := w.Write(text(100))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text(100)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if got, whole := specOpen(testKey, testContext, must(io.ReadAll(pull))); !whole || !bytes.Equal(got, text(100)) {
		t.Errorf("EncryptReader: %d bytes, %v", len(got), whole)
	}
}
