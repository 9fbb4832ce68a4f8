// SPDX-License-Identifier: Apache-2.0

package stream_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/s3seal/s3seal/stream"
)

// Decrypt a file of any size without buffering it, and without releasing a byte
// that is not verified. The file is read twice, and may not change in between.
func ExampleScanGCM() {
	var sealed bytes.Buffer
	w, err := stream.NewGCMEncryptWriter(&sealed, testKey, testIV, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(w, "Meet me at the usual place."); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	file := bytes.NewReader(sealed.Bytes())
	scan, err := stream.ScanGCM(file, testKey, testIV, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer scan.Wipe()
	fmt.Println(scan.Size(), "bytes are good.")

	if _, err := file.Seek(0, io.SeekStart); err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, scan.Reader(file)); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 27 bytes are good.
	// Meet me at the usual place.
}
