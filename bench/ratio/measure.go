// SPDX-License-Identifier: Apache-2.0

package main

import "sync"

const rounds = 7

// onEach returns a function that runs those of fs at the same time.
func onEach(fs []func() error) func() error {
	return func() error {
		errs := make([]error, len(fs))
		var wg sync.WaitGroup
		for i, f := range fs {
			wg.Go(func() { errs[i] = f() })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
}
