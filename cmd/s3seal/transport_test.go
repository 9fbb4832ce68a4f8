// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

// TestTransport: a minute is not enough for a large object, and no end at all
// would be too much.
func TestTransport(t *testing.T) {
	for _, secure := range []bool{false, true} {
		transport, err := newTransport(secure)
		if err != nil {
			t.Fatal(err)
		}
		if got := transport.ResponseHeaderTimeout; got < 10*time.Minute || got > time.Hour {
			t.Errorf("secure %v: a server has %v to begin its answer", secure, got)
		}
		if (transport.TLSClientConfig != nil) != secure {
			t.Errorf("secure %v: TLS is set up: %v", secure, transport.TLSClientConfig != nil)
		}
		if !transport.DisableCompression || transport.Proxy == nil {
			t.Error("not the transport of the client")
		}
	}
}
