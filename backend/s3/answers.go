// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"io"
	"net/http"
	"slices"
)

// maxAnswer is how long an answer may be that is not the content of an object. A
// thousand keys, as long as can be and escaped, are less than 8 MiB; MinIO lists all
// uploads that are under way in a single answer, and 32 MiB are some 50,000.
const maxAnswer = 32 << 20

// ErrAnswerTooLarge says that the storage does not stop answering.
var ErrAnswerTooLarge = errors.New("s3: answer too large")

var errNoTransport = errors.New("s3: transport is nil")

// LimitAnswers returns a transport for the client that [New] gets: next, which
// minio.DefaultTransport makes for example, with answers of no more than 32 MiB.
// What is longer ends with [ErrAnswerTooLarge], and its connection is closed.
//
// The client library reads lists and other small answers into memory, and errors
// to their end, whatever their length. A storage that lies, or something that is
// none, can so have all memory of a process, or keep it busy for ever; a driver
// cannot prevent that, since the transport is the client's.
//
// Not limited are contents: successful answers to a GET without a query that is for
// one of the lists and settings that a [Driver] asks for, and those to a SELECT. It
// limits no time, which is for the context of a call. A nil next fails with each
// request. It is safe for concurrent use if next is.
func LimitAnswers(next http.RoundTripper) http.RoundTripper {
	return &limitedTransport{next, maxAnswer}
}

type limitedTransport struct {
	next  http.RoundTripper
	limit int64
}

// RoundTrip limits the answer of next.
func (t *limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.next == nil {
		return nil, errNoTransport
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil || resp.Body == nil || isContent(req, resp.StatusCode) {
		return resp, err
	}
	resp.Body = &answerBody{body: resp.Body, left: t.limit}
	return resp, nil
}

// CloseIdleConnections is what http.Client looks for in its transport.
func (t *limitedTransport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// settings are the queries of requests that are for something else than contents.
var settings = []string{"delimiter", "list-type", "location", "tagging", "uploadId", "uploads", "versioning", "versions"}

// isContent reports whether an answer is the content of an object, or made of it.
func isContent(req *http.Request, status int) bool {
	if status != http.StatusOK && status != http.StatusPartialContent {
		return false
	}
	query := req.URL.Query()
	if req.Method != http.MethodGet {
		return req.Method == http.MethodPost && query.Has("select")
	}
	return !slices.ContainsFunc(settings, query.Has)
}

// An answerBody is the body of an answer that must end.
type answerBody struct {
	body io.ReadCloser
	left int64
	err  error // first error; repeated by every later call
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	n, err := b.body.Read(p[:min(int64(len(p)), b.left+1)])
	if int64(n) > b.left {
		n, err = int(b.left), ErrAnswerTooLarge
	}
	b.left -= int64(n)
	b.err = err
	return n, err
}

// Close frees the connection, and closes it if the answer has not ended.
func (b *answerBody) Close() error { return b.body.Close() }
