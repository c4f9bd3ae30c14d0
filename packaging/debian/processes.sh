# For systems without systemd. Part of the maintainer scripts (debian/rules puts it into them).

# The gateways that run here as the user portcullis: one process number a line. Not those of containers, which have
# another root, nor any that run as another user.
gateways() {
	user=$(id -u portcullis 2>/dev/null) || return 0
	for process in /proc/[0-9]*; do
		case $(readlink "$process/exe" 2>/dev/null) in
		/usr/bin/portcullis | '/usr/bin/portcullis (deleted)') ;;
		*) continue ;;
		esac
		[ "$(stat -c %u "$process" 2>/dev/null)" = "$user" ] || continue
		[ "$(stat -Lc %d:%i "$process/root" 2>/dev/null)" = "$(stat -Lc %d:%i /)" ] || continue
		echo "${process#/proc/}"
	done
}

# Whether that process runs a binary that has been replaced since.
is_replaced() {
	case $(readlink "/proc/$1/exe" 2>/dev/null) in
	*' (deleted)') return 0 ;;
	*) return 1 ;;
	esac
}
