// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
	"github.com/s3seal/s3seal/backend/s3/s3test"
)

// listAll returns what a listing yields up to its end or its error.
func listAll(ctx context.Context, d *s3.Driver, opts backend.ListOptions) (infos []*backend.Info, err error) {
	for info, err := range d.List(ctx, &opts) {
		if err != nil {
			return infos, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func listKeys(t *testing.T, d *s3.Driver, opts backend.ListOptions) []string {
	t.Helper()
	infos, err := listAll(t.Context(), d, opts)
	if err != nil {
		t.Fatalf("List(%+v) = %v", opts, err)
	}
	var keys []string
	for _, info := range infos {
		keys = append(keys, info.Key)
	}
	return keys
}

// oddKeys are keys that XML or a URL would say in another way.
var oddKeys = []string{
	"a", "a b", "a+b", "a%20b", "a%2Fb", "a&b", "a&amp;b", "a<b>", "a-b/x", "a.b", "a0", "a'b", "a\"b", `a\b`, "Z", "two  spaces", "end ",
	"line\nbreak", "line\rbreak", "tab\tb", "\x7f", "ä/é", "ä/e\u0301", "日本", "\ue000", "\uff5e", "\ufffdx", "😀", "dir/x", "dir/.x", "100%", "?q=1#f",
}

// Keys come back as they are, in the order of bytes, whatever the answers say
// them in and wherever one ends.
func TestListOddKeys(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		d := newDriver(t, srv.Client(t), srv.NewBucket(t), nil)
		for _, key := range oddKeys {
			mustPut(t, d, key, []byte(key))
		}
		want := slices.Sorted(slices.Values(oddKeys))
		for _, page := range []int{0, 1, 2, 7} {
			d.SetListKeys(page)
			for _, opts := range []backend.ListOptions{{}, {Versions: true}} {
				if page == 1 && opts.Versions && srv.Name == "versitygw" {
					if infos, err := listAll(t.Context(), d, opts); !errors.Is(err, errors.ErrUnsupported) || len(infos) != 1 {
						t.Errorf("List where the answers do not go on = %d objects, %v", len(infos), err)
					}
					continue
				}
				if got := listKeys(t, d, opts); !slices.Equal(got, want) {
					t.Errorf("List(%+v), %d in an answer:\n got %q\nwant %q", opts, page, got, want)
				}
			}
		}
		for i, key := range want { // seven in an answer
			opts := backend.ListOptions{After: key}
			if got := listKeys(t, d, opts); !slices.Equal(got, want[i+1:]) {
				t.Errorf("List(%+v):\n got %q\nwant %q", opts, got, want[i+1:])
			}
			opts = backend.ListOptions{Prefix: key}
			if got := listKeys(t, d, opts); len(got) == 0 || got[0] != key {
				t.Errorf("List(%+v) = %q", opts, got)
			}
		}
	})
}

// A control character is no character of XML. MinIO says it in another way;
// versitygw replaces it, which must not pass for a key.
func TestListControlCharacters(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		keys := []string{"a", "a\x01b", "a\x1fb", "ab"}
		bucket, client := srv.NewBucket(t), srv.Client(t)
		d := newDriver(t, client, bucket, nil)
		t.Cleanup(func() { // the kit would look for them under the names that are listed
			for _, key := range keys {
				_ = client.RemoveObject(context.Background(), bucket, key, minio.RemoveObjectOptions{})
			}
		})
		for _, key := range keys {
			mustPut(t, d, key, nil)
		}
		for _, opts := range []backend.ListOptions{{}, {Versions: true}, {Prefix: "a\x01"}} {
			infos, err := listAll(t.Context(), d, opts)
			wanted := err == nil && (len(infos) == len(keys) || opts.Prefix != "" && len(infos) == 1)
			if srv.Name == "versitygw" {
				wanted = errors.Is(err, errors.ErrUnsupported)
			}
			if !wanted {
				t.Errorf("List(%+v) = %d objects, %v", opts, len(infos), err)
			}
		}
	})
}

// A listing asks for a page when it is wanted, and says nothing that it need not.
func TestListOnTheWire(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		var rec recorder
		d := newDriver(t, chaosClient(t, srv, rec.wrap(nil)), srv.NewBucket(t), nil)
		for _, key := range []string{"p/1", "p/2", "p/3", "p/4", "q"} {
			mustPut(t, d, key, nil)
		}
		d.SetListKeys(2)
		for taken, requests := range map[int]int{1: 1, 2: 1, 3: 2} {
			rec.reqs = nil
			n := 0
			for _, err := range d.List(t.Context(), &backend.ListOptions{Prefix: "p/", After: "p/"}) {
				if n++; err != nil || n == taken {
					break
				}
			}
			if n != taken || len(rec.reqs) != requests {
				t.Errorf("%d objects taken by %d requests, want %d by %d", n, len(rec.reqs), taken, requests)
			}
		}
		for _, req := range rec.reqs {
			q, err := url.ParseQuery(req.query)
			q.Del("continuation-token")
			want := url.Values{"list-type": {"2"}, "encoding-type": {"url"}, "prefix": {"p/"}, "delimiter": {""}, "max-keys": {"2"}}
			if err != nil || q.Encode() != want.Encode() {
				t.Errorf("query %q, %v, want %q", q.Encode(), err, want.Encode())
			}
		}
	})
}

// listAnswer is an answer with these keys.
func listAnswer(truncated bool, token string, keys ...string) string {
	var b strings.Builder
	b.WriteString("<ListBucketResult>")
	for _, key := range keys {
		b.WriteString("<Contents><Key>" + key + `</Key><Size>5</Size><ETag>"0123"</ETag><LastModified>2026-01-02T03:04:05.678Z</LastModified></Contents>`)
	}
	if truncated {
		b.WriteString("<IsTruncated>true</IsTruncated>")
	}
	return b.String() + "<NextContinuationToken>" + token + "</NextContinuationToken></ListBucketResult>"
}

// answering returns a driver for a storage that gives these answers to whatever
// it is asked, the last one again and again, but not for ever.
func answering(t *testing.T, answers ...string) *s3.Driver {
	t.Helper()
	srv := &s3test.Server{Name: "none", Endpoint: "s3.test:80", AccessKey: "access", SecretKey: "secret", Region: "us-east-1"}
	asked := 0
	return newDriver(t, chaosClient(t, srv, func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		if asked++; asked > 100 {
			t.Error("asked 100 times")
			return answer(req, http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"), nil
		}
		a := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		return answer(req, http.StatusOK, a), nil
	}), "bucket", nil)
}

// What a storage lists is not believed because it is listed.
func TestListAnswersThatAreWrong(t *testing.T) {
	const noTag = "<ListBucketResult><Contents><Key>a</Key><Size>5</Size></Contents></ListBucketResult>"
	for name, c := range map[string]struct {
		answers     []string
		keys        int
		unsupported bool
	}{
		"order in an answer":       {[]string{listAnswer(false, "", "a", "c", "b")}, 2, true},
		"order of answers":         {[]string{listAnswer(true, "t", "b"), listAnswer(false, "", "a")}, 1, true},
		"order of UTF-16":          {[]string{listAnswer(false, "", "\U0001f511", "\uff5e")}, 1, true},
		"the same again":           {[]string{listAnswer(false, "", "a", "a")}, 1, true},
		"the same answer for ever": {[]string{listAnswer(true, "t", "a", "b")}, 2, true},
		"no way to go on":          {[]string{listAnswer(true, "", "a", "b")}, 0, true},
		"misspelled":               {[]string{listAnswer(false, "", "a", "b\ufffd"), listAnswer(false, "")}, 1, true},
		"no ETag":                  {[]string{noTag}, 0, false},
		"no XML":                   {[]string{"<html>a proxy"}, 0, false},
		"nothing":                  {[]string{""}, 0, false},
	} {
		infos, err := listAll(t.Context(), answering(t, c.answers...), backend.ListOptions{})
		if err == nil || errors.Is(err, errors.ErrUnsupported) != c.unsupported || len(infos) != c.keys {
			t.Errorf("%s: List = %d objects, %v", name, len(infos), err)
		}
	}
}

// A storage that does not know what to select lists too much.
func TestListSelects(t *testing.T) {
	d := answering(t, listAnswer(false, "", "a", "b/1", "b/2", "b/3", "c", "a"))
	if got := listKeys(t, d, backend.ListOptions{Prefix: "b/", After: "b/1"}); !slices.Equal(got, []string{"b/2", "b/3"}) {
		t.Errorf("List = %q", got)
	}
	infos, err := listAll(t.Context(), d, backend.ListOptions{Prefix: "b/1"})
	if err != nil || len(infos) != 1 {
		t.Fatalf("List = %v, %v", infos, err)
	}
	want := backend.Info{Key: "b/1", Size: 5, ETag: "0123", ModTime: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)}
	if got := *infos[0]; got.Key != want.Key || got.Size != want.Size || got.ETag != want.ETag || !got.ModTime.Equal(want.ModTime) || got.StorageClass != "" || got.VersionID != "" {
		t.Errorf("List: got %+v, want %+v", got, want)
	}
}

// A storage that does not answer holds a listing for no longer than its context.
func TestListHangs(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		bucket := srv.NewBucket(t)
		ctx, cancel := context.WithCancel(t.Context())
		pages := 0
		d := newDriver(t, chaosClient(t, srv, func(req *http.Request, next http.RoundTripper) (*http.Response, error) {
			if !req.URL.Query().Has("list-type") {
				return next.RoundTrip(req)
			}
			if pages++; pages == 2 {
				cancel()
				<-req.Context().Done()
			}
			return next.RoundTrip(req)
		}), bucket, nil)
		for _, key := range []string{"1", "2", "3"} {
			mustPut(t, d, key, nil)
		}
		d.SetListKeys(1)
		infos, err := listAll(ctx, d, backend.ListOptions{})
		if !errors.Is(err, context.Canceled) || len(infos) != 1 {
			t.Errorf("List = %d objects, %v, want one and the end of the context", len(infos), err)
		}
	})
}

func TestListNoBucket(t *testing.T) {
	s3test.Each(t, func(t *testing.T, srv *s3test.Server) {
		d := newDriver(t, srv.Client(t), "s3seal-none", nil)
		infos, err := listAll(t.Context(), d, backend.ListOptions{})
		if err == nil || len(infos) != 0 || errors.Is(err, backend.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("List in no bucket = %v, %v", infos, err)
		}
	})
}

// A class that is not the default is said by a listing, by Stat and by Get.
func TestStorageClass(t *testing.T) {
	srv := s3test.MinIO(t) // versitygw has one class
	d := newDriver(t, srv.Client(t), srv.NewBucket(t), nil)
	for _, class := range []string{"", "STANDARD", "REDUCED_REDUNDANCY"} {
		_, err := d.Put(t.Context(), "key", bytes.NewReader(nil), 0, &backend.PutOptions{StorageClass: class})
		if err != nil {
			t.Fatalf("Put of class %q = %v", class, err)
		}
		infos, err := listAll(t.Context(), d, backend.ListOptions{})
		stat, serr := d.Stat(t.Context(), "key")
		body, got, gerr := d.Get(t.Context(), "key", &backend.GetOptions{})
		if err := errors.Join(err, serr, gerr); err != nil {
			t.Fatal(err)
		}
		_ = body.Close()
		want := strings.TrimPrefix(class, "STANDARD")
		if infos[0].StorageClass != want || stat.StorageClass != want || got.StorageClass != want {
			t.Errorf("class %q: List says %q, Stat %q, Get %q", class, infos[0].StorageClass, stat.StorageClass, got.StorageClass)
		}
	}
}
