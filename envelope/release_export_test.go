// SPDX-License-Identifier: Apache-2.0

package envelope

import (
	"io"
	"os"

	"github.com/s3seal/s3seal/internal/tempfile"
)

// KeptMemory is up to how many bytes a body is kept in memory.
const KeptMemory = keptMemory

// TempFile is what Spool needs of a file.
type TempFile = tempFile

// CreateTemp makes the files of Spool.
func CreateTemp(dir string) (TempFile, error) { return createTemp(dir) }

// NamedTemp is what Spool makes of a file whose name it could not take away.
func NamedTemp(f *os.File) TempFile { return tempfile.Named(f) }

// SpoolOn is Spool with files that open makes, for bodies over keep bytes.
func SpoolOn(dir string, limit int64, keep int, open func(dir string) (TempFile, error)) Release {
	return spool{dir, limit, keep, open}
}

// TwoPassOver is TwoPass for bodies over keep bytes.
func TwoPassOver(keep int, reopen func() (io.ReadCloser, error)) Release {
	return &twoPass{keep, reopen}
}
