"""Blobs as files of a directory.

`DIR/blobs/sha256/ab/abcd…` are blobs, `DIR/uploads/<upload id>` are uploads. Both must be on one file system: a commit
hard-links the upload's file into `blobs/`. The upload's name is removed at the end of the session, after the database
commit, so that a killed process loses nothing. `DIR/owner` names the database. Several processes may share the
directory.

A file is read and compared with its digest before it is first served. The result is remembered as long as the file is
unchanged. A blob that this process has received is not read again.
"""
