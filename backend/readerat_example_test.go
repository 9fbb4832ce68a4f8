// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/envelope"
)

// chunkedBucket seals in the format of which every range is verified.
func chunkedBucket() *backend.Bucket {
	return newBucket(&backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}})
}

// Read one file of an encrypted zip archive, without fetching the rest.
func ExampleBucket_ReaderAt() {
	ctx := context.Background()
	bucket := chunkedBucket()

	w, err := bucket.Create(ctx, "reports.zip", nil)
	if err != nil {
		log.Fatal(err)
	}
	archive := zip.NewWriter(w)
	for _, name := range []string{"may.txt", "june.txt"} {
		f, err := archive.Create(name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintf(f, "the report of %s", name)
	}
	if err := archive.Close(); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	r, err := bucket.ReaderAt(ctx, "reports.zip")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	files, err := zip.NewReader(r, r.Size())
	if err != nil {
		log.Fatal(err)
	}
	june, err := files.Open("june.txt")
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(june)
	fmt.Printf("%s, %v, authenticated: %v\n", text, err, r.Authenticated())
	// Output: the report of june.txt, <nil>, authenticated: true
}

// Serve an encrypted object over HTTP, ranges included.
func ExampleReaderAt_serveContent() {
	bucket := chunkedBucket()
	video := bytes.Repeat([]byte("0123456789"), 100_000)
	if _, err := bucket.Put(context.Background(), "video", bytes.NewReader(video), int64(len(video)), nil); err != nil {
		log.Fatal(err)
	}
	handler := func(w http.ResponseWriter, req *http.Request) {
		r, err := bucket.ReaderAt(req.Context(), strings.TrimPrefix(req.URL.Path, "/"))
		if err != nil {
			http.NotFound(w, req)
			return
		}
		defer r.Close()
		info := r.Info()
		w.Header().Set("Content-Type", info.ContentType)
		http.ServeContent(w, req, info.Key, info.ModTime, io.NewSectionReader(r, 0, r.Size()))
	}

	req := httptest.NewRequest(http.MethodGet, "/video", nil)
	req.Header.Set("Range", "bytes=500003-500012")
	answer := httptest.NewRecorder()
	handler(answer, req)
	fmt.Println(answer.Code, answer.Header().Get("Content-Range"), answer.Body)
	// Output: 206 bytes 500003-500012/1000000 3456789012
}
