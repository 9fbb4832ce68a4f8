// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"errors"
	"fmt"
	"io"
)

// A Transform copies src to dst in another form.
type Transform func(dst io.Writer, src io.Reader) error

// Through has size bytes of the pattern encrypted into a pipe, decrypts what comes
// out of it and compares. Nothing holds the stream but what the two hold.
func Through(size int64, encrypt, decrypt Transform) error {
	pr, pw := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		err := encrypt(pw, io.LimitReader(&Generator{}, size))
		pw.CloseWithError(err) // nil is the proper end
		sent <- err
	}()
	got := &Checker{}
	err := decrypt(got, pr)
	pr.CloseWithError(errors.New("the receiver has stopped"))
	if sendErr := <-sent; err == nil {
		err = sendErr
	}
	if err == nil && got.Len() != size {
		err = fmt.Errorf("%d bytes came back, want %d", got.Len(), size)
	}
	return err
}
