// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/s3"
)

// paged returns a driver whose storage answers each request of a kind with the next
// page, and how often it has been asked for one. It gives up after 1,000 requests.
// Of what else is asked for there is nothing, without an error.
func paged(t *testing.T, of string, page func(n int) string) (d *s3.Driver, requests *int) {
	t.Helper()
	requests = new(int)
	return offlineDriver(t, chaosTransport{func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
		if kind(req) != of {
			return answer(req, http.StatusOK, "<ListPartsResult></ListPartsResult>"), nil
		}
		if *requests++; *requests > 1000 {
			return nil, errors.New("asked 1,000 times")
		}
		return answer(req, http.StatusOK, page(*requests)), nil
	}, nil}), requests
}

// partsPage is an answer with parts first to last.
func partsPage(first, last int, truncated bool, marker string) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintf(&b, `<Part><PartNumber>%d</PartNumber><ETag>"a"</ETag><Size>5</Size></Part>`, i)
	}
	return fmt.Sprintf("<ListPartsResult><IsTruncated>%t</IsTruncated>%s%s</ListPartsResult>", truncated, marker, b.String())
}

func partMarker(n int) string {
	return fmt.Sprintf("<NextPartNumberMarker>%d</NextPartNumberMarker>", n)
}

// TestListPartsEnds: a list of parts is whole or an error, and it ends.
func TestListPartsEnds(t *testing.T) {
	for name, c := range map[string]struct {
		page func(n int) string
		most int // requests
		want int // parts; 0 for an error
	}{
		"two pages":        {func(n int) string { return partsPage(n*10-9, n*10, n == 1, partMarker(n*10)) }, 2, 20},
		"as many as can":   {func(n int) string { return partsPage(n*10-9, n*10, n < 5, partMarker(n*10)) }, 5, 50},
		"no marker":        {func(int) string { return partsPage(1, 10, true, "") }, 1, 0},
		"the same again":   {func(int) string { return partsPage(1, 10, true, partMarker(10)) }, 2, 0},
		"back":             {func(n int) string { return partsPage(1, 10, true, partMarker(20-n)) }, 2, 0},
		"no end":           {func(n int) string { return partsPage(n*10-9, n*10, true, partMarker(n*10)) }, 6, 0},
		"no end, empty":    {func(n int) string { return partsPage(1, 0, true, partMarker(n*10)) }, 6, 0},
		"too many at once": {func(int) string { return partsPage(1, 51, false, "") }, 1, 0},
	} {
		d, requests := paged(t, kindParts, c.page)
		d.SetLimits(50, 1<<40)
		list, err := d.ListParts(t.Context(), "key", "id")
		if *requests > c.most || len(list) != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: %d requests, %d parts, %v; want %d and %d", name, *requests, len(list), err, c.most, c.want)
		}
	}
}

func uploadsPage(truncated bool, key, id string, uploads ...string) string {
	var b strings.Builder
	for _, u := range uploads {
		fmt.Fprintf(&b, "<Upload><Key>%s</Key><UploadId>id</UploadId></Upload>", u)
	}
	return fmt.Sprintf("<ListMultipartUploadsResult><IsTruncated>%t</IsTruncated><NextKeyMarker>%s</NextKeyMarker><NextUploadIdMarker>%s</NextUploadIdMarker>%s</ListMultipartUploadsResult>",
		truncated, key, id, b.String())
}

// TestListUploadsEnds: a list of uploads is whole or an error, and it ends. Who
// aborts what is left is not told that all is gone.
func TestListUploadsEnds(t *testing.T) {
	const keys = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for name, c := range map[string]struct {
		page func(n int) string
		most int // requests
		want int // uploads; 0 for an error
	}{
		"three pages": {func(n int) string {
			key := fmt.Sprint("k", n)
			return uploadsPage(n < 3, key, "", key)
		}, 3, 3},
		"one key, ids in any order": {func(n int) string {
			return uploadsPage(n < 3, "k", []string{"z", "a", ""}[n-1], fmt.Sprint("k", n))
		}, 3, 3},
		"not by keys":      {func(n int) string { return uploadsPage(n < 3, fmt.Sprint(9-n), "", fmt.Sprint(9-n)) }, 3, 3},
		"no marker":        {func(int) string { return uploadsPage(true, "", "") }, 1, 0},
		"the same again":   {func(int) string { return uploadsPage(true, "k", "id", "k") }, 2, 0},
		"in a circle":      {func(n int) string { return uploadsPage(true, fmt.Sprint("k", n%3), "") }, 4, 0},
		"ids in a circle":  {func(n int) string { return uploadsPage(true, "k", fmt.Sprint(n%2)) }, 3, 0},
		"no end":           {func(n int) string { return uploadsPage(true, fmt.Sprint(n), "", fmt.Sprint(n)) }, 51, 0},
		"no end, empty":    {func(n int) string { return uploadsPage(true, fmt.Sprint(n), "") }, 101, 0},
		"too many at once": {func(int) string { return uploadsPage(false, "", "", strings.Split(keys[:51], "")...) }, 1, 0},
		"as many as can":   {func(int) string { return uploadsPage(false, "", "", strings.Split(keys[:50], "")...) }, 1, 50},
	} {
		d, requests := paged(t, kindUploads, c.page)
		d.SetUploadLimits(50, 100)
		list, err := d.ListUploads(t.Context(), "")
		if *requests > c.most || len(list) != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%s: %d requests, %d uploads, %v; want %d and %d", name, *requests, len(list), err, c.most, c.want)
		}
		if c.want > 0 {
			continue
		}
		*requests = 0
		opts := &backend.StaleOptions{AllUploads: true, Abort: true}
		if stale, err := backend.NewBucket(d, nil, nil, nil).AbortStale(t.Context(), "", -time.Hour, opts); err == nil {
			t.Errorf("%s: AbortStale = %v, nil, want an error", name, stale)
		}
	}
}

// TestListEnds: a listing does not follow a storage for ever that has nothing more.
func TestListEnds(t *testing.T) {
	empty := func(n int) string {
		return fmt.Sprintf("<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", n)
	}
	markers := func(key func(n int) string) func(n int) string {
		return func(n int) string {
			return fmt.Sprintf("<ListVersionsResult><IsTruncated>%t</IsTruncated><NextKeyMarker>%s</NextKeyMarker>"+
				"<DeleteMarker><Key>%s</Key><VersionId>1</VersionId></DeleteMarker></ListVersionsResult>", n < 30, key(n), key(n))
		}
	}
	for name, c := range map[string]struct {
		page     func(n int) string
		versions bool
		most     int // requests
		ends     bool
	}{
		"empty": {empty, false, 11, false},
		"empty versions": {func(n int) string {
			return "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker></ListVersionsResult>"
		}, true, 11, false},
		"one marker":   {markers(func(int) string { return "k" }), true, 12, false},
		"many markers": {markers(func(n int) string { return fmt.Sprintf("%03d", n) }), true, 30, true},
	} {
		requests := 0
		d := offlineDriver(t, chaosTransport{func(req *http.Request, _ http.RoundTripper) (*http.Response, error) {
			if requests++; requests > 1000 {
				return nil, errors.New("asked 1,000 times")
			}
			httptrace.ContextClientTrace(req.Context()).WroteRequest(httptrace.WroteRequestInfo{}) // as a transport does
			return answer(req, http.StatusOK, c.page(requests)), nil
		}, nil})
		d.SetUploadLimits(0, 10)
		err := listAny(t.Context(), d, c.versions)
		if requests > c.most || (err == nil) != c.ends || errors.Is(err, context.Canceled) {
			t.Errorf("%s: %d requests, %v; want at most %d", name, requests, err, c.most)
		}
		if err != nil && !strings.Contains(err.Error(), "nothing new") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
