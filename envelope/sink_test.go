// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/wrap"
)

// A deafSink takes nothing.
type deafSink struct{ err error }

func (s deafSink) Write([]byte) (int, error) { return 0, s.err }

// TestSinkErrors: what a sink says, however it looks, is not taken for the end of
// the body, nor for a body that ends too early.
func TestSinkErrors(t *testing.T) {
	opts := everything()
	for _, suite := range []envelope.Suite{envelope.V3, envelope.Chunked, envelope.V2CBC, envelope.V1} {
		key := pair{suite, wrap.AESGCM}.key(t)
		if suite == envelope.V1 {
			key = pair{suite, wrap.AESECB}.key(t)
		}
		o := sealObject(t, key, &envelope.SealOptions{Suite: suite}, pattern(1000))
		opener := must[*envelope.Opener](t)(envelope.NewOpener(t.Context(), must[*envelope.Header](t)(o.header()), key, &opts))
		for _, want := range []error{io.EOF, io.ErrUnexpectedEOF, errors.New("disk full")} {
			whole := must[io.ReadCloser](t)(opener.Reader(bytes.NewReader(o.body), int64(len(o.body))))
			for what, r := range map[string]io.ReadCloser{"whole": whole, "range": rangeOf(t, opener, o.body, 100)} {
				_, err := r.(io.WriterTo).WriteTo(deafSink{want})
				if err == want || !errors.Is(err, want) {
					t.Errorf("%v, %s: WriteTo = %v, want %q, wrapped", suite, what, err, want)
				}
				r.Close()
			}
		}
	}
}

// rangeOf reads the first n bytes.
func rangeOf(t *testing.T, opener *envelope.Opener, body []byte, n int64) io.ReadCloser {
	t.Helper()
	size := int64(len(body))
	var parts []io.Reader
	for _, r := range must[[]envelope.BodyRange](t)(opener.CiphertextRanges(0, n, size)) {
		parts = append(parts, bytes.NewReader(body[r.Off:r.Off+r.N]))
	}
	return must[io.ReadCloser](t)(opener.RangeReader(io.MultiReader(parts...), 0, n, size))
}
