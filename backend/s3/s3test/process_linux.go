// SPDX-License-Identifier: Apache-2.0

package s3test

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end the server with the test binary, however
// that ends: a panic or the test timeout run no cleanup.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
