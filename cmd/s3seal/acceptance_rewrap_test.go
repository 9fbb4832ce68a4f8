// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// headers is all that S3 keeps beside an object, not the same for all of them.
func headers(n int, meta map[string]string) minio.PutObjectOptions {
	opts := minio.PutObjectOptions{
		UserMetadata:       meta,
		UserTags:           map[string]string{"keep": fmt.Sprintf("%dd", n), "a b": "c+d"},
		ContentType:        "text/x-" + fmt.Sprint(n%7),
		CacheControl:       "max-age=" + fmt.Sprint(n),
		ContentDisposition: fmt.Sprintf(`attachment; filename="%d.txt"`, n),
		ContentLanguage:    "de, en",
	}
	if n%2 == 0 {
		opts.ContentEncoding = "x-own"
		opts.Expires = time.Unix(4_000_000_000+int64(n), 0)
	}
	if n%3 == 0 {
		opts.StorageClass = "REDUCED_REDUNDANCY"
	}
	return opts
}

// A sealedAs is a way to seal: the kind of key, format and wrap.
type sealedAs struct{ kind, format, wrap string }

// allWays is every format that can be written with every wrap that it has.
func allWays() (ways []sealedAs) {
	for _, f := range formats() {
		for kind, algs := range map[string][]wrap.Algorithm{kindAES: f.aes, kindRSA: f.rsa, kindKMS: f.kms} {
			for _, alg := range algs {
				name := alg.String()
				if f.name == "v1" {
					name = ""
				}
				ways = append(ways, sealedAs{kind, f.name, name})
			}
		}
	}
	slices.SortFunc(ways, func(a, b sealedAs) int { return bytes.Compare(fmt.Append(nil, a), fmt.Append(nil, b)) })
	return ways
}

// TestAcceptanceRewrap gives a bucket of all formats and wraps other keys: nothing
// but the keys is another afterwards, also to the clients of other people.
func TestAcceptanceRewrap(t *testing.T) {
	a := newAcceptance(t)
	n := long(120, 1000)
	by := map[string]string{kindAES: a.keys.aes, kindRSA: a.keys.rsa, kindKMS: "kms:alias/a"}
	ways := allWays()
	keys := make(map[sealedAs][]string)
	for i := range n {
		way := ways[i%len(ways)]
		key := fmt.Sprintf("p/%s/%s %d", way.format, way.kind, i)
		data := a.content(key)
		if i%10 == 9 {
			cli(t, bytes.NewReader(data), "put", "-q", "-k", by[way.kind], "--format", way.format, "--wrap", way.wrap, flagInstruction, "-", a.at(key)).want(t, exitOK)
			continue
		}
		a.put(t, key, by[way.kind], way.format, way.wrap, data)
		keys[way] = append(keys[way], key)
	}
	sums := a.sums(t, "p/", "p/")
	a.wantOpen(t, a.old, "p/", sums, n)
	before := a.snapshots(t)
	wantSeen(t, before)

	r := cli(t, nil, slices.Concat([]string{
		"rewrap", "-r", "--json", "--accept", "legacy", "--revoke", "--keep-matdesc", "--journal", filepath.Join(t.TempDir(), "journal"),
		"--to", a.keys.otherAES, "--to", a.keys.otherRSA, "--to", "kms:alias/b",
	}, a.old, []string{a.at("p/")})...).want(t, exitOK)
	s := summaryOf(t, r)
	// Instruction files are met on their own, too.
	if s.Done != int64(n) || s.Failed != 0 || s.Skipped != int64(n/10) {
		t.Errorf("summary = %+v, want %d objects", s, n)
	}
	t.Logf("%+v", s)
	wantSame(t, before, a.snapshots(t))
	a.wantOpen(t, a.fresh, "p/", sums, n)
	a.wantShut(t, a.old, "p/", sums, n)
	a.wantRuby(t, keys)
}

// wantRuby: Debian's clients read a sample of what they can with the new keys, and
// none of it with the old ones.
func (a *acceptance) wantRuby(t *testing.T, keys map[sealedAs][]string) {
	ruby := s3test.StartRuby(t, a.srv, rubyScript, kmsVar())
	fresh := map[string]string{kindAES: a.keys.otherAES, kindRSA: a.keys.otherRSA, kindKMS: "kms:alias/b"}
	old := map[string]string{kindAES: a.keys.aes, kindRSA: a.keys.rsa, kindKMS: "kms:alias/a"}
	for client, ways := range map[string][]sealedAs{
		"v1": {{kindAES, "v1", ""}, {kindRSA, "v1", ""}},
		"v2": {{kindAES, "v2", "AES/GCM"}, {kindRSA, "v2", "RSA-OAEP-SHA1"}},
	} {
		read := 0
		for _, way := range ways {
			for _, key := range keys[way][:min(len(keys[way]), 10)] {
				read++
				if msg, got := a.peerGet(t, ruby, client, key, fresh[way.kind]); msg != "" || !bytes.Equal(got, a.plain[key]) {
					t.Errorf("%s client, %s: %d bytes, %s", client, key, len(got), msg)
				}
				if msg, got := a.peerGet(t, ruby, client, key, old[way.kind]); msg == "" && bytes.Equal(got, a.plain[key]) {
					t.Errorf("%s client reads %s with the old key", client, key)
				}
			}
		}
		if read < long(4, 20) {
			t.Errorf("%s client: %d objects, want some more", client, read)
		}
	}
}

// TestAcceptanceOverwrite: what others store while objects are rewrapped is never
// lost.
func TestAcceptanceOverwrite(t *testing.T) {
	a := newAcceptance(t)
	objects, rounds := long(16, 60), long(3, 12)
	bucket := a.writer(t)
	keys := make([]string, objects)
	for i := range keys {
		keys[i] = fmt.Sprintf("p/%03d", i)
		a.overwrite(t, bucket, keys[i], rand.New(rand.NewPCG(1, uint64(i))))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	const writers = 4
	written := make([]map[string][]byte, writers)
	for w := range writers {
		written[w] = make(map[string][]byte)
		wg.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(w)))
			for {
				select {
				case <-stop:
					return
				default:
				}
				key := keys[random.IntN(objects/writers)*writers+w] // which no other writer has
				if data := a.overwrite(t, bucket, key, random); data != nil {
					written[w][key] = data
				}
			}
		})
	}
	done, failed := a.rewrapRounds(t, rounds)
	close(stop)
	wg.Wait()
	overwrites := 0
	for _, m := range written {
		overwrites += len(m)
		maps.Copy(a.plain, m)
	}
	t.Logf("%d rewrapped, %d given up, %d objects overwritten", done, failed, overwrites)
	if done == 0 || overwrites < objects/2 {
		t.Errorf("%d rewrapped and %d overwritten: want them to meet", done, overwrites)
	}
	a.wantOpen(t, slices.Concat(a.old, []string{"-k", a.keys.otherAES}), "p/", a.sums(t, "p/", "p/"), objects)
}

// writer is a bucket that seals under the old key.
func (a *acceptance) writer(t *testing.T) *backend.Bucket {
	t.Helper()
	d, err := s3.New(a.client, a.bucket, nil)
	if err != nil {
		t.Fatal(err)
	}
	kek, err := parseAESKey(readFile(t, a.keys.aes[len("aes:"):]), keyAES)
	if err != nil {
		t.Fatal(err)
	}
	w, err := wrap.NewAESGCM(kek)
	if err != nil {
		t.Fatal(err)
	}
	return backend.NewBucket(d, w, nil, &backend.Options{Seal: envelope.SealOptions{Suite: envelope.V3}})
}

// overwrite stores something under key and returns it, or nil. It is remembered
// before there are several goroutines.
func (a *acceptance) overwrite(t *testing.T, b *backend.Bucket, key string, random *rand.Rand) []byte {
	data := fmt.Appendf(nil, "%s: %d", key, random.Uint64())
	if _, err := b.Put(t.Context(), key, bytes.NewReader(data), int64(len(data)), nil); err != nil {
		t.Errorf("put %s: %v", key, err)
		return nil
	}
	return data
}

// rewrapRounds rewraps all objects some times, to one key and back.
func (a *acceptance) rewrapRounds(t *testing.T, n int) (done, failed int64) {
	for i := range n {
		to := a.keys.otherAES
		if i%2 == 1 {
			to = a.keys.aes
		}
		r := cli(t, nil, "rewrap", "-q", "-r", "--json", "--workers", "4", "-k", a.keys.aes, "-k", a.keys.otherAES, "--to", to, a.at("p/"))
		if r.code != exitOK && r.code != exitPartly {
			t.Errorf("rewrap: exit code %d: %s", r.code, r.err)
		}
		s := summaryOf(t, r)
		done, failed = done+s.Done, failed+s.Failed
	}
	return done, failed
}
