// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package dir_test

import "errors"

// Those are not used here.
func fullDevice([]string) error { return errors.ErrUnsupported }
func fullUpload([]string) error { return errors.ErrUnsupported }
func readOnly([]string) error   { return errors.ErrUnsupported }
func mix([]string) error        { return errors.ErrUnsupported }
