// SPDX-License-Identifier: Apache-2.0

package bulk_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/bulk"
	"github.com/s3seal/s3seal/backend/mem"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
	"github.com/s3seal/s3seal/wrap/legacy"
)

// A keeper keeps the content key that it wraps.
type keeper struct {
	wrap.Wrapper
	cek []byte
}

func (k *keeper) Wrap(ctx context.Context, cek []byte, info wrap.Info) ([]byte, error) {
	k.cek = bytes.Clone(cek)
	return k.Wrapper.Wrap(ctx, cek, info)
}

var encode = base64.StdEncoding.EncodeToString

// filedAs stores an object under x, with an instruction file in which the names of
// change are what it says, or without them if it says nothing. wrapped is its key.
func filedAs(t *testing.T, d *mem.Driver, suite envelope.Suite, wrapped func(cek []byte) []byte, change map[string]string) {
	t.Helper()
	gcm, _, _ := oldKeys(t)
	k := &keeper{Wrapper: gcm}
	b := backend.NewBucket(d, k, nil, &backend.Options{Seal: envelope.SealOptions{Suite: suite}, InstructionFile: true})
	oi := must(b.Put(t.Context(), "x", strings.NewReader("plain"), 5, nil))(t)
	file := must(oi.Header.Metadata())(t)
	file["x-amz-key-v2"] = encode(wrapped(k.cek))
	for name, value := range change {
		if file[name] = value; value == "" {
			delete(file, name)
		}
	}
	rawPut(t, d, "x.instruction", must(json.Marshal(file))(t), map[string]string{envelope.InstructionMarker: ""})
}

// upgrade rewraps x to a key for AES/GCM, with a journal, and returns what that has
// been told. The attempts before that, which write nothing, come to the same.
func upgrade(t *testing.T, d *mem.Driver, keys wrap.Unwrapper) (sum *bulk.Summary, _ []bulk.Entry) {
	t.Helper()
	path := journalPath(t)
	b := backend.NewBucket(d, nil, keys, &backend.Options{Open: everything()})
	to := must(wrap.NewAESGCM(kek(3)))(t)
	opts := &bulk.RewrapOptions{To: backend.RewrapOptions{Wrappers: []wrap.Wrapper{to}, UpgradeWrap: true}}
	opts.Journal = journal(t, path)
	for _, trial := range []bool{true, false} {
		dry := *opts
		dry.DryRun, dry.To.DryRun = !trial, trial
		s := must(bulk.Rewrap(t.Context(), b, infos(nil, "x"), &dry))(t)
		defer func() {
			if s.Done != sum.Done || s.Failed != sum.Failed {
				t.Errorf("trial %t: %+v, and then %+v", trial, s, sum)
			}
		}()
	}
	sum = must(bulk.Rewrap(t.Context(), b, infos(nil, "x"), opts))(t)
	opts.Journal.Close()
	_, entries, err := readJournal(must(os.ReadFile(path))(t))
	if err != nil {
		t.Fatal(err)
	}
	return sum, entries
}

// TestRewrapJournalReadOnly: the journal has the envelopes of instruction files also
// under wraps that nobody writes any more, such that they open the object again.
func TestRewrapJournalReadOnly(t *testing.T) {
	_, ecb, _ := oldKeys(t)
	private := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	oaep := must(legacy.NewRSAOAEPSHA256Key(private))(t)
	for alg, keys := range map[wrap.Algorithm]wrap.Unwrapper{wrap.Unnamed: ecb, wrap.RSAOAEPSHA256: oaep} {
		name := map[wrap.Algorithm]string{wrap.RSAOAEPSHA256: "RSA/ECB/OAEPWithSHA-256AndMGF1Padding"}[alg]
		d := mem.New()
		filedAs(t, d, envelope.V2GCM, func(cek []byte) []byte {
			if alg == wrap.Unnamed {
				return must(ecb.Wrap(t.Context(), cek, wrap.Info{}))(t)
			}
			return must(rsa.EncryptOAEP(sha256.New(), rand.Reader, &private.PublicKey, cek, nil))(t)
		}, map[string]string{"x-amz-wrap-alg": name, "x-amz-matdesc": `{"kid":"1"}`})
		before := must(target(t, d).Stat(t.Context(), "x"))(t).Header
		s, entries := upgrade(t, d, keys)
		wantSummary(t, s, 1, 0, 0)
		if len(entries) != 2 || entries[0].Outcome != bulk.Begun || entries[0].InstructionFile != "x.instruction" {
			t.Fatalf("%v: journal %+v, want what it was and that it is done", alg, entries)
		}
		h, err := envelope.ParseHeader(entries[0].Envelope)
		if err != nil || !reflect.DeepEqual(h, before) {
			t.Errorf("%v: journal has %v, %v, want %v", alg, entries[0].Envelope, err, before)
		}
	}
}

// TestRewrapJournalRefuses: what cannot be written to the journal is not replaced.
func TestRewrapJournalRefuses(t *testing.T) {
	d := mem.New()
	gcm, _, _ := oldKeys(t)
	bound := wrap.Info{ContentAlg: "AES/CBC/PKCS7Padding"}
	filedAs(t, d, envelope.V2CBC, func(cek []byte) []byte { return must(gcm.Wrap(t.Context(), cek, bound))(t) },
		map[string]string{"x-amz-cek-alg": bound.ContentAlg})
	before := must(target(t, d).Stat(t.Context(), "x.instruction"))(t)
	s, entries := upgrade(t, d, gcm)
	wantSummary(t, s, 0, 0, 1)
	if len(entries) != 1 || entries[0].Outcome != bulk.Failed || !strings.Contains(entries[0].Reason, "the journal cannot hold the envelope") {
		t.Errorf("journal %+v, want that it has failed, and why", entries)
	}
	if now := must(target(t, d).Stat(t.Context(), "x.instruction"))(t); now.ETag != before.ETag {
		t.Error("the file was replaced")
	}
}
