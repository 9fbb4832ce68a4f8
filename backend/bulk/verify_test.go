// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
	"github.com/s3seal/s3seal/wrap"
)

// legacyReader opens all that the tests seal. Its parts are small, so that
// objects have several.
func legacyReader(d backend.Driver, u wrap.Unwrapper, rule envelope.Release) *backend.Bucket {
	return backend.NewBucket(d, nil, u, &backend.Options{
		Open:     envelope.OpenOptions{AllowUncommitted: true, AllowLegacyCBC: true, Release: rule},
		Download: backend.DownloadOptions{PartSize: 1 << 10, Resumes: -1},
	})
}

var verifySuites = map[string]envelope.Suite{"v3": envelope.V3, "v2": envelope.V2GCM, "cbc": envelope.V2CBC, "chunked": envelope.Chunked}

// vault returns a store with an object of each suite, in the metadata and with
// an instruction file.
func vault(t *testing.T, size int) *mem.Driver {
	t.Helper()
	d, k := mem.New(), auditKey(t)
	for name, suite := range verifySuites {
		data := bytes.Repeat([]byte(name), size/len(name))
		sealedBy(t, d, name, k, &backend.Options{Seal: envelope.SealOptions{Suite: suite}}, data)
		sealedBy(t, d, name+"-file", k, &backend.Options{InstructionFile: true, Seal: envelope.SealOptions{Suite: suite}}, data)
	}
	return d
}

// verifyAll verifies all of b, and returns the results by key.
func verifyAll(t *testing.T, b *backend.Bucket, opts *bulk.VerifyOptions) (*bulk.Summary, map[string]bulk.Result) {
	t.Helper()
	if opts == nil {
		opts = new(bulk.VerifyOptions)
	}
	results := make(map[string]bulk.Result)
	opts.OnResult = func(r bulk.Result) { results[r.Key] = r }
	var sum *bulk.Summary
	noGoroutineLeft(t, func() {
		var err error
		if sum, err = bulk.Verify(t.Context(), b, b.List(t.Context(), nil), opts); err != nil {
			t.Fatalf("Verify: %v", err)
		}
	})
	if n := int64(len(results)); n != sum.Total() {
		t.Errorf("%d results, summary %+v", n, sum)
	}
	return sum, results
}

// TestVerify reads what is intact, with sums and without.
func TestVerify(t *testing.T) {
	d := vault(t, 100_000)
	rawPut(t, d, "readme", []byte("plain"), nil)
	rawPut(t, d, "v3.key", []byte("blob"), nil)
	for _, sums := range []bool{false, true} {
		sum, results := verifyAll(t, legacyReader(d, auditKey(t), nil), &bulk.VerifyOptions{Sum: sums})
		if sum.Done != 8 || sum.Skipped != 6 || sum.Failed != 0 || sum.Unauthenticated != 2 {
			t.Errorf("summary %+v, want 8 done, of which 2 cannot be verified, and 6 skipped", sum)
		}
		for reason, n := range map[string]int64{bulk.ReasonInstructionFile: 4, bulk.ReasonSidecar: 1, bulk.ReasonNotEncrypted: 1} {
			if sum.Reasons[reason] != n {
				t.Errorf("%d skipped as %s, want %d", sum.Reasons[reason], reason, n)
			}
		}
		for name := range verifySuites {
			want := ""
			if sums {
				want = fmt.Sprintf("%x", sha256.Sum256(bytes.Repeat([]byte(name), 100_000/len(name))))
			}
			if r := results[name]; r.SHA256 != want || r.Unauthenticated != (name == "cbc") || r.Bytes < 100_000-10 {
				t.Errorf("%s: %+v, want SHA-256 %q", name, r, want)
			}
		}
	}
}

// TestVerifyTampered changes one byte, or the length, of each object.
func TestVerifyTampered(t *testing.T) {
	changes := map[string]func([]byte) []byte{
		"first byte": func(b []byte) []byte { b[0] ^= 1; return b },
		"middle":     func(b []byte) []byte { b[len(b)/2] ^= 0x80; return b },
		"last byte":  func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"shorter":    func(b []byte) []byte { return b[:len(b)-17] },
		"longer":     func(b []byte) []byte { return append(b, b[:16]...) },
		"empty":      func(b []byte) []byte { return nil },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			d := vault(t, 9000)
			for suite := range verifySuites {
				for _, key := range []string{suite, suite + "-file"} {
					tamper(t, d, key, change)
				}
			}
			for _, sums := range []bool{false, true} {
				_, results := verifyAll(t, legacyReader(d, auditKey(t), envelope.UnverifiedUntilEOF()), &bulk.VerifyOptions{Sum: sums})
				for suite := range verifySuites {
					for _, key := range []string{suite, suite + "-file"} {
						r := results[key]
						if suite == "cbc" && r.Outcome == bulk.Done && r.Unauthenticated {
							continue // nothing could tell
						}
						if r.Outcome != bulk.Failed || !errors.Is(r.Err, stream.ErrDecrypt) {
							t.Errorf("%s: %s, %v; want ErrDecrypt", key, r.Outcome, r.Err)
						}
					}
				}
			}
		})
	}
}

// A filing driver lists objects in a storage class.
type filing struct {
	*mem.Driver
	class string
}

func (d *filing) List(ctx context.Context, opts *backend.ListOptions) iter.Seq2[*backend.Info, error] {
	return func(yield func(*backend.Info, error) bool) {
		for info, err := range d.Driver.List(ctx, opts) {
			if err == nil {
				info.StorageClass = d.class
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// TestVerifyArchived: what cannot be read now is skipped, but not if a list says
// that it is there: whatever the storage says, that it is what it was nobody saw.
func TestVerifyArchived(t *testing.T) {
	for _, class := range []string{"GLACIER", "DEEP_ARCHIVE"} {
		d := &filing{vault(t, 100), class}
		b := legacyReader(d, auditKey(t), nil)
		if sum, _ := verifyAll(t, b, nil); sum.Reasons[bulk.ReasonArchived] != sum.Total() || sum.Total() == 0 {
			t.Errorf("%s: %+v, want all archived", class, sum)
		}
		for _, dry := range []bool{false, true} {
			list := strings.NewReader(strings.Repeat("ab", 32) + "  v3\n")
			_, results := verifyAll(t, b, &bulk.VerifyOptions{Options: bulk.Options{DryRun: dry}, Against: list})
			if r := results["v3"]; r.Outcome != bulk.Failed || !errors.Is(r.Err, bulk.ErrArchived) {
				t.Errorf("%s: listed: %s, %v, want ErrArchived", class, r.Outcome, r.Err)
			}
			if r := results["v2"]; !dry && !errors.Is(r.Err, bulk.ErrUnlisted) {
				t.Errorf("%s: not listed: %s, %v, want ErrUnlisted", class, r.Outcome, r.Err)
			}
		}
	}
}

// tamper stores a changed body under the same metadata.
func tamper(t *testing.T, d *mem.Driver, key string, change func([]byte) []byte) {
	t.Helper()
	body, info, err := d.Get(t.Context(), key, &backend.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	rawPut(t, d, key, change(data), info.Metadata)
}

// TestVerifyRefused has objects that the bucket does not open.
func TestVerifyRefused(t *testing.T) {
	d := vault(t, 1000)
	other, err := wrap.NewAESGCM(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	if sum, results := verifyAll(t, legacyReader(d, other, nil), nil); sum.Failed != 8 || !errors.Is(results["v3"].Err, stream.ErrDecrypt) {
		t.Errorf("with another key: %+v, %v; want 8 failures", sum, results["v3"].Err)
	}
	strict := backend.NewBucket(d, nil, auditKey(t), nil)
	if sum, results := verifyAll(t, strict, nil); sum.Failed != 4 || !errors.Is(results["cbc"].Err, envelope.ErrPolicy) {
		t.Errorf("with safe options: %+v, %v; want 4 failures", sum, results["cbc"].Err)
	}
	remove(t, d, "v3-file.instruction")
	if _, results := verifyAll(t, legacyReader(d, auditKey(t), nil), nil); !errors.Is(results["v3-file"].Err, backend.ErrNoInstructionFile) {
		t.Errorf("without its file: %v, want ErrNoInstructionFile", results["v3-file"].Err)
	}
	rawPut(t, d, "hints", []byte("plain"), map[string]string{"x-amz-unencrypted-content-length": "5"})
	if _, results := verifyAll(t, legacyReader(d, auditKey(t), nil), nil); results["hints"].Outcome != bulk.Failed {
		t.Errorf("hints without an envelope: %+v, want a failure", results["hints"])
	}
}

// TestVerifyMemory fails where a sum would need more than the rule of the bucket
// allows, and only there.
func TestVerifyMemory(t *testing.T) {
	d := vault(t, 100_000)
	small := legacyReader(d, auditKey(t), envelope.Buffered(50_000))
	if sum, _ := verifyAll(t, small, nil); sum.Failed != 0 {
		t.Errorf("without sums: %+v, want no failure", sum)
	}
	if sum, results := verifyAll(t, small, &bulk.VerifyOptions{Sum: true}); sum.Failed != 4 || !errors.Is(results["v3"].Err, stream.ErrBufferLimit) {
		t.Errorf("with sums: %+v, %v; want ErrBufferLimit for V3 and V2", sum, results["v3"].Err)
	}
}

// TestVerifySkips does not read what is archived or gone.
func TestVerifySkips(t *testing.T) {
	b := legacyReader(mem.New(), auditKey(t), nil)
	objects := sequence([]*backend.Info{{Key: "ice", StorageClass: "GLACIER"}, {Key: "gone"}, {Key: "old", Noncurrent: true}})
	sum, err := bulk.Verify(t.Context(), b, objects, nil)
	want := map[string]int64{bulk.ReasonArchived: 1, bulk.ReasonGone: 1, bulk.ReasonNoncurrent: 1}
	if err != nil || !maps.Equal(sum.Reasons, want) || sum.Total() != 3 {
		t.Errorf("Verify = %+v, %v; want %v", sum, err, want)
	}
}

// TestVerifyDryRun estimates without a key.
func TestVerifyDryRun(t *testing.T) {
	d := vault(t, 1000)
	rawPut(t, d, "damaged", []byte("plain"), map[string]string{"x-amz-key": "%"})
	b := backend.NewBucket(d, nil, nil, &backend.Options{Open: everything()})
	sum, _ := verifyAll(t, b, &bulk.VerifyOptions{Options: bulk.Options{DryRun: true}})
	if sum.Done != 8 || sum.Skipped != 4 || sum.Failed != 1 || sum.Bytes < 8000 || sum.Requests != 4*1+4*3 {
		t.Errorf("dry run: %+v, want 8 objects of 16 requests, and one that is damaged", sum)
	}
}

// replacing is a driver of which the objects change while they are read, the first
// few times.
type replacing struct {
	*mem.Driver
	times *atomic.Int64
}

func (d replacing) Get(ctx context.Context, key string, opts *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	if d.times.Add(-1) >= 0 {
		return nil, nil, backend.ErrChanged
	}
	return d.Driver.Get(ctx, key, opts)
}

// TestVerifyChanged reads again what was replaced, but not for ever.
func TestVerifyChanged(t *testing.T) {
	d, k := mem.New(), auditKey(t)
	sealedBy(t, d, "key", k, nil, []byte("data"))
	for times, want := range map[int64]error{3: nil, 100: backend.ErrChanged} {
		left := new(atomic.Int64)
		left.Store(times)
		_, results := verifyAll(t, legacyReader(replacing{d, left}, k, nil), nil)
		if r := results["key"]; !errors.Is(r.Err, want) || (r.Err != nil) != (want != nil) {
			t.Errorf("replaced %d times: %+v, want %v", times, r, want)
		}
	}
}

// blocking is a driver whose bodies do not come.
type blocking struct {
	*mem.Driver
	begun chan struct{}
}

func (d blocking) Get(ctx context.Context, _ string, _ *backend.GetOptions) (io.ReadCloser, *backend.Info, error) {
	select {
	case d.begun <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return nil, nil, ctx.Err()
}

// TestVerifyCancel ends while bodies are under way.
func TestVerifyCancel(t *testing.T) {
	d := blocking{vault(t, 100), make(chan struct{}, 1)}
	b := legacyReader(d, auditKey(t), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	noGoroutineLeft(t, func() {
		go func() {
			<-d.begun
			cancel()
		}()
		sum, err := bulk.Verify(ctx, b, b.List(ctx, nil), nil)
		if !errors.Is(err, context.Canceled) || sum.Failed != 0 {
			t.Errorf("Verify = %+v, %v; want that it was cancelled, and no failure", sum, err)
		}
	})
}

// TestVerifyNil takes no options, and the error of the listing.
func TestVerifyNil(t *testing.T) {
	b := legacyReader(vault(t, 100), auditKey(t), nil)
	if sum, err := bulk.Verify(t.Context(), b, b.List(t.Context(), nil), nil); err != nil || sum.Done != 8 {
		t.Errorf("Verify = %+v, %v", sum, err)
	}
	errList := errors.New("no more")
	broken := func(yield func(*backend.Info, error) bool) { yield(nil, errList) }
	if _, err := bulk.Verify(t.Context(), b, broken, &bulk.VerifyOptions{Against: strings.NewReader("")}); !errors.Is(err, errList) {
		t.Errorf("Verify = %v, want the error of the listing", err)
	}
}
