// SPDX-License-Identifier: Apache-2.0

package envelope_test

import (
	"fmt"
	"strings"

	"github.com/s3seal/s3seal/envelope"
)

// The first .NET client had names of its own, for an envelope of V1.
func ExampleParseDotNetInstructionFile() {
	file := `{"EncryptedEnvelopeKey":"` + strings.Repeat("AAAA", 16) + `","IV":"AAAAAAAAAAAAAAAAAAAAAA=="}`
	header, err := envelope.ParseDotNetInstructionFile(nil, strings.NewReader(file))
	fmt.Println(header, err)
	// Output: V1, key wrapped by an algorithm without a name <nil>
}
