// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"io"
	"testing"
)

// TestPayloadCut: a body that is cut short fails. One that had been read as a whole
// ends, or the transport, which looks for the end when all is on its way, would take
// the request for a failed one, and leave while the storage carries it out.
func TestPayloadCut(t *testing.T) {
	for _, c := range []struct {
		n    int
		sent bool
		want error
	}{{0, false, errCut}, {99, false, errCut}, {100, true, io.EOF}} {
		body := newPayload((&Driver{}).content(make([]byte, 100)))
		if _, err := io.ReadFull(body, make([]byte, c.n)); err != nil {
			t.Fatal(err)
		}
		if sent := body.cut(); sent != c.sent {
			t.Errorf("%d bytes read: all was sent = %t, want %t", c.n, sent, c.sent)
		}
		if n, err := body.Read(make([]byte, 10)); n != 0 || err != c.want {
			t.Errorf("%d bytes read: Read = %d, %v, want %v", c.n, n, err, c.want)
		}
		if _, err := body.Seek(0, io.SeekStart); err != errCut {
			t.Errorf("%d bytes read: Seek = %v, want %v", c.n, err, errCut)
		}
	}
}
