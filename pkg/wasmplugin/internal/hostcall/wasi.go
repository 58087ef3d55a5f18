// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package hostcall

// wasiModule is WASI preview 1, which toolchains link whether a policy needs it or not.
const wasiModule = "wasi_snapshot_preview1"

// errno is the result of a WASI function. A bad pointer is one too, and no misuse: the C libraries
// that pass it on expect it.
type errno uint32

const (
	errnoSuccess errno = 0
	errnoBadf    errno = 8
	errnoFault   errno = 21
	errnoInval   errno = 28
	errnoIO      errno = 29
)

// Descriptors that exist. There is no other, so whatever takes one answers errnoBadf: no files,
// no directories, no sockets.
const (
	stdin uint32 = iota
	stdout
	stderr
)

type wasiCall func(c *Caller, stack []uint64) errno

// wasiFunctions is all 46 functions of preview 1.
func wasiFunctions() []Function {
	list := []Function{
		{wasiModule, "proc_exit", types("i"), nil, "", procExit},
		{wasiModule, "proc_raise", types("i"), types("i"), "", procRaise},
	}
	for _, group := range [][]stub{answering, without} {
		for _, s := range group {
			list = append(list, Function{wasiModule, s.name, types(s.params), types("i"), "", s.adapt()})
		}
	}
	return list
}

type stub struct {
	name, params string
	call         wasiCall
}

func (s stub) adapt() func(*Caller, []uint64) error {
	return func(c *Caller, stack []uint64) error {
		stack[0] = uint64(s.call(c, stack))
		return nil
	}
}

// answering is functions that a runtime needs to start.
var answering = []stub{
	{"args_get", "ii", nothing},
	{"args_sizes_get", "ii", noSizes},
	{"environ_get", "ii", nothing},
	{"environ_sizes_get", "ii", noSizes},
	{"clock_res_get", "ii", clockResGet},
	{"clock_time_get", "iji", clockTimeGet},
	{"fd_fdstat_get", "ii", fdstatGet},
	{"fd_read", "iiii", fdRead},
	{"fd_write", "iiii", fdWrite},
	{"poll_oneoff", "iiii", pollOneoff},
	{"random_get", "ii", randomGet},
	{"sched_yield", "", nothing},
}

// without is functions on descriptors that do not exist.
var without = []stub{
	{"fd_advise", "ijji", badf},
	{"fd_allocate", "ijj", badf},
	{"fd_close", "i", badf},
	{"fd_datasync", "i", badf},
	{"fd_fdstat_set_flags", "ii", badf},
	{"fd_fdstat_set_rights", "ijj", badf},
	{"fd_filestat_get", "ii", badf},
	{"fd_filestat_set_size", "ij", badf},
	{"fd_filestat_set_times", "ijji", badf},
	{"fd_pread", "iiiji", badf},
	{"fd_prestat_dir_name", "iii", badf},
	{"fd_prestat_get", "ii", badf},
	{"fd_pwrite", "iiiji", badf},
	{"fd_readdir", "iiiji", badf},
	{"fd_renumber", "ii", badf},
	{"fd_seek", "ijii", badf},
	{"fd_sync", "i", badf},
	{"fd_tell", "ii", badf},
	{"path_create_directory", "iii", badf},
	{"path_filestat_get", "iiiii", badf},
	{"path_filestat_set_times", "iiiijji", badf},
	{"path_link", "iiiiiii", badf},
	{"path_open", "iiiiijjii", badf},
	{"path_readlink", "iiiiii", badf},
	{"path_remove_directory", "iii", badf},
	{"path_rename", "iiiiii", badf},
	{"path_symlink", "iiiii", badf},
	{"path_unlink_file", "iii", badf},
	{"sock_accept", "iii", badf},
	{"sock_recv", "iiiiii", badf},
	{"sock_send", "iiiii", badf},
	{"sock_shutdown", "ii", badf},
}

func badf(*Caller, []uint64) errno { return errnoBadf }

func nothing(*Caller, []uint64) errno { return errnoSuccess }

// noSizes (count, size of the texts) of arguments or of the environment.
func noSizes(c *Caller, stack []uint64) errno {
	if e := c.put32(uint32(stack[0]), 0); e != errnoSuccess {
		return e
	}
	return c.put32(uint32(stack[1]), 0)
}

func procExit(_ *Caller, stack []uint64) error { return &Exit{Code: uint32(stack[0])} }

func procRaise(_ *Caller, stack []uint64) error {
	return misuse("proc_raise", "signal %d: there are no signals", uint32(stack[0]))
}
