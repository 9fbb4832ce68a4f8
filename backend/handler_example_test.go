// SPDX-License-Identifier: Apache-2.0

package backend_test

import (
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

// Chunked verifies every range by itself. The handler knows no users: this server
// listens on this machine only, and answers to no other name.
func ExampleNewHandler() {
	bucket := newBucket(&backend.Options{Seal: envelope.SealOptions{Suite: envelope.Chunked}})
	if _, err := bucket.Put(context.Background(), "public/orders 1", strings.NewReader("attack at dawn"), -1, nil); err != nil {
		log.Fatal(err)
	}
	served := backend.NewHandler(bucket, &backend.HandlerOptions{
		Prefix: "public/",
		Report: func(r *http.Request, err error) { log.Print(r.Method, " ", r.URL, ": ", err) },
	})
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != server.Listener.Addr().String() {
			http.Error(w, "unknown host", http.StatusMisdirectedRequest)
			return
		}
		served.ServeHTTP(w, r)
	}))
	defer server.Close()

	request, err := http.NewRequest(http.MethodGet, server.URL+"/orders%201", nil)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Range", "bytes=-4")
	response, err := server.Client().Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	part, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %s: %s\n", response.Status, response.Header.Get("Content-Range"), part)
	// Output:
	// 206 Partial Content, bytes 10-13/14: dawn
}
