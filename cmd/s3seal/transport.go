// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
)

// answerTimeout is how long a server may take to begin its answer. Some say
// nothing while they make an object of parts, which for a large one takes minutes.
// The client's own minute would have it ask again, while the first is under way.
const answerTimeout = 15 * time.Minute

// newTransport returns that of the client with our timeout.
func newTransport(secure bool) (*http.Transport, error) {
	transport, err := minio.DefaultTransport(secure)
	if err == nil {
		transport.ResponseHeaderTimeout = answerTimeout
	}
	return transport, err
}
