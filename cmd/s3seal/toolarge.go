// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/s3seal/s3seal/envelope"
	"github.com/s3seal/s3seal/stream"
)

// explainSize names the way past the 64 GiB at which GCM ends.
func (f sealFlags) explainSize(err error) error {
	form, formErr := formatNamed(f.Format)
	if formErr != nil || !errors.Is(err, stream.ErrTooLarge) || form.suite != envelope.V3 && form.suite != envelope.V2GCM {
		return err
	}
	return &refusal{"format " + f.Format + " ends at 64 GiB less 32 bytes: use --format chunked, which does not", err}
}
