// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package dir_test

import "errors"

// fullDevice is not used here.
func fullDevice([]string) error { return errors.ErrUnsupported }
