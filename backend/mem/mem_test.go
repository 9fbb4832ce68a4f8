// SPDX-License-Identifier: Apache-2.0

package mem_test

import (
	"testing"

	"github.com/s3seal/s3seal/backend"
	"github.com/s3seal/s3seal/backend/backendtest"
	"github.com/s3seal/s3seal/backend/mem"
)

func TestDriver(t *testing.T) {
	backendtest.TestDriver(t, func(*testing.T) backend.Driver { return mem.New() })
}
