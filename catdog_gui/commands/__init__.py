"""The commands of the command line, one file each; none of them needs Qt."""
