#!/usr/bin/env bash
# Grows the disk of a development machine on EC2 or Cloud9: the EBS volume, then the partition, then the file system.
# Run it on the machine itself. It may be run again at any time: it does only what is left to do.
# Works with the bash 4.2 of Amazon Linux 2. docs/development-machine.md lists the permissions that it needs.
set -euo pipefail

USAGE="usage: scripts/grow-disk.sh [--dry-run] [--mount-point FOLDER] [GIB]

Grows the EBS volume of / to GIB (default 50), and its partition and file system with it.
  --dry-run             print what would be run, and change nothing
  --mount-point FOLDER  the file system mounted there instead of /"

DEFAULT_GIB=50
GIB_BYTES=$((1024 ** 3))
SLACK_BYTES=$((16 * 1024 ** 2)) # a file system may leave less than that unused: XFS adds no smaller group
TRIES=120                       # of 5 seconds each
METADATA=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
METADATA=${METADATA%/}

export PATH="$PATH:/usr/sbin:/sbin" # where growpart and its like are, and a user's PATH does not lead
export LC_ALL=C AWS_PAGER=''

dry_run=no
mount_point=/
asked_gib=''
changes=no

main() {
    read_arguments "$@"
    need curl aws findmnt lsblk
    find_disk
    need_growers
    read_metadata
    find_volume
    grow_volume
    grow_partition
    grow_file_system
    report
}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

say() {
    printf '%s\n' "$1"
}

# Shows a command that changes something, and runs it unless this is a dry run.
run() {
    printf '+'
    printf ' %q' "$@"
    printf '\n'
    changes=yes
    [[ $dry_run == yes ]] || "$@"
}

run_as_root() {
    if ((EUID == 0)); then run "$@"; else run sudo "$@"; fi
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

read_arguments() {
    while (($# > 0)); do
        case $1 in
        --dry-run) dry_run=yes ;;
        --mount-point)
            mount_point=${2:-}
            [[ -n $mount_point ]] || fail "--mount-point needs a folder"
            shift
            ;;
        -h | --help)
            say "$USAGE"
            exit
            ;;
        *)
            [[ -z $asked_gib ]] || fail "'$1' is one argument too many; --help says what there is"
            [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] || fail "'$1' is no size: give a whole number of GiB, such as $DEFAULT_GIB"
            asked_gib=$1
            ;;
        esac
        shift
    done
}

# What to do about a missing program.
remedy() {
    local debian=$1 amazon=$1
    case $1 in
    aws)
        say "aws: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
        return
        ;;
    findmnt | lsblk) debian=util-linux amazon=util-linux ;;
    growpart) debian=cloud-guest-utils amazon=cloud-utils-growpart ;;
    dumpe2fs | resize2fs) debian=e2fsprogs amazon=e2fsprogs ;;
    xfs_*) debian=xfsprogs amazon=xfsprogs ;;
    esac
    say "$1: package $debian of Debian and Ubuntu, $amazon of Amazon Linux"
}

need() {
    local program missing=''
    for program in "$@"; do
        command -v "$program" >/dev/null || missing+="${missing:+; }$(remedy "$program")"
    done
    [[ -z $missing ]] || fail "not installed: $missing"
}

need_growers() {
    local programs=()
    ((EUID == 0)) || programs+=(sudo)
    [[ -z $partition ]] || programs+=(growpart)
    case $file_system in
    ext[234]) programs+=(dumpe2fs resize2fs) ;;
    xfs) programs+=(xfs_info xfs_growfs) ;;
    *) fail "$mount_point is $file_system, and only ext4 and xfs can be grown here" ;;
    esac
    need "${programs[@]}"
}

# Sets file_system, device (nvme0n1p1), disk (nvme0n1) and partition (1; nothing when the file system has the whole disk).
# Devices are found by number: the name that findmnt shows may be /dev/root, which exists nowhere.
find_disk() {
    local found number type parent
    # The last mount is the one that is seen: below it may be the rootfs of the start.
    found=$(findmnt -rno MAJ:MIN,FSTYPE --direction backward --first-only --mountpoint "$mount_point") ||
        fail "nothing is mounted at '$mount_point'; findmnt lists what is"
    read -r number file_system <<<"$found"
    found=$(lsblk -rnbo MAJ:MIN,KNAME,TYPE,PKNAME | awk -v number="$number" '$1 == number && !n++ { print $2, $3, $4 }')
    read -r device type parent <<<"$found"
    case $type in
    part)
        disk=$parent
        partition=${device#"$disk"}
        partition=${partition#p}
        ;;
    disk | loop)
        disk=$device
        partition=''
        ;;
    *)
        fail "$mount_point ($file_system) is on ${type:-no disk of this machine}: only partitions and whole disks can be \
grown, no LVM, RAID, encryption, nor from inside a container"
        ;;
    esac
}

# Sets region and instance. IMDSv2: a token first, which every other question must carry. It is not on a command line.
read_metadata() {
    local token
    token=$(ask_metadata api/token --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60') ||
        fail "no instance metadata (IMDSv2) at $METADATA: run this on an EC2 or Cloud9 machine, outside containers, \
with its metadata service on"
    region=$(ask_metadata meta-data/placement/region --header @- <<<"X-aws-ec2-metadata-token: $token") ||
        fail "the instance metadata at $METADATA does not say the region; try again"
    instance=$(ask_metadata meta-data/instance-id --header @- <<<"X-aws-ec2-metadata-token: $token") ||
        fail "the instance metadata at $METADATA does not say the instance's id; try again"
}

ask_metadata() {
    local path=$1
    shift
    curl --silent --fail --noproxy '*' --connect-timeout 2 --max-time 5 "$@" "$METADATA/latest/$path"
}

ec2() {
    aws ec2 "$@" --region "$region" --output text ||
        fail "aws ec2 $1 failed, for the reason above; docs/development-machine.md lists the permissions"
}

# Sets volume. An NVMe disk has the volume's id, without its hyphen, as its serial number; older ones have only a name.
find_volume() {
    local serial names letters
    serial=$(lsblk -dno SERIAL "/dev/$disk" | tr -d '[:space:]')
    if [[ -z $serial && -r /sys/block/$disk/device/serial ]]; then
        serial=$(tr -d '[:space:]' <"/sys/block/$disk/device/serial")
    fi
    if [[ $serial =~ ^vol-?([0-9a-f]+)$ ]]; then
        volume=vol-${BASH_REMATCH[1]}
        return
    fi
    [[ $disk != nvme* ]] || fail "/dev/$disk (serial '$serial') is no EBS volume, and an instance store does not grow"
    names=/dev/$disk
    if [[ $disk =~ ^(xvd|sd)([a-z]+) ]]; then
        # The kernel calls xvda what was attached as /dev/xvda, /dev/sda or /dev/sda1.
        letters=${BASH_REMATCH[2]}
        names=/dev/xvd$letters,/dev/sd$letters,/dev/sd${letters}1,/dev/xvd${letters}1
    fi
    volume=$(ec2 describe-volumes --filters "Name=attachment.instance-id,Values=$instance" \
        "Name=attachment.device,Values=$names" --query 'Volumes[].VolumeId')
    [[ $volume =~ ^vol-[0-9a-f]+$ ]] ||
        fail "one EBS volume should be attached to $instance as $names, but EC2 knows '$volume'; see its block devices"
}

# Prints the state and the target size of the volume's last modification, or None.
modification() {
    ec2 describe-volumes-modifications --filters "Name=volume-id,Values=$volume" \
        --query 'VolumesModifications[0].[ModificationState,TargetSize]'
}

is_at_rest() {
    local last
    last=$(modification) || exit 1
    [[ $last != modifying* ]]
}

is_modified() {
    local last state target
    last=$(modification) || exit 1
    read -r state target <<<"$last"
    [[ $target == "$gib" ]] || return 1
    [[ $state != failed ]] || fail "AWS could not modify $volume; the EC2 console says why"
    [[ $state == optimizing || $state == completed ]]
}

has_disk_grown() {
    (($(bytes_of "$disk") >= gib * GIB_BYTES))
}

bytes_of() {
    lsblk -bdno SIZE "/dev/$1" | tr -d '[:space:]'
}

# wait_until CONDITION MESSAGE: the message is for when it takes too long.
wait_until() {
    local try
    for ((try = 0; try < TRIES; try++)); do
        if "$1"; then return; fi
        sleep 5
    done
    fail "$2"
}

# Sets gib, the size that the volume then has.
grow_volume() {
    local now wanted
    # Another run may have been interrupted while the volume grew; a dry run does not wait for that.
    [[ $dry_run == yes ]] || wait_until is_at_rest "$volume is still being modified after 10 minutes: run this again later"
    now=$(ec2 describe-volumes --volume-ids "$volume" --query 'Volumes[0].Size')
    [[ $now =~ ^[0-9]+$ ]] || fail "EC2 says that $volume has '$now' GiB; try again"
    wanted=${asked_gib:-$DEFAULT_GIB}
    if [[ -n $asked_gib ]] && ((asked_gib < now)); then
        fail "$volume has $now GiB, and EBS volumes do not shrink to $asked_gib: give $now or more"
    fi
    gib=$now
    if ((now < wanted)); then
        gib=$wanted
        say "$volume ($region, $instance, /dev/$disk) has $now GiB, and is to have $gib."
        run aws ec2 modify-volume --volume-id "$volume" --size "$gib" --region "$region" --output text \
            --query VolumeModification.ModificationState ||
            fail "aws ec2 modify-volume failed, for the reason above; docs/development-machine.md lists the permissions"
        [[ $dry_run == yes ]] || wait_until is_modified "$volume is not modified after 10 minutes: run this again later"
    fi
    [[ $dry_run == yes ]] ||
        wait_until has_disk_grown "$volume has $gib GiB, but /dev/$disk does not: restart the machine, then run this again"
}

# Whether all that can be seen now is what there will be: not in a dry run whose steps before would change it.
can_look() {
    [[ $dry_run == no || $changes == no ]]
}

grow_partition() {
    local answer status=0
    [[ -n $partition ]] || return 0
    if can_look; then
        answer=$(as_root growpart --dry-run "/dev/$disk" "$partition" 2>&1) || status=$?
        # growpart: 0 would change, 1 nothing to change, more is an error.
        ((status <= 1)) || fail "growpart cannot grow /dev/$disk $partition: ${answer//$'\n'/ }"
        ((status == 0)) || return 0
    fi
    run_as_root growpart "/dev/$disk" "$partition"
}

file_system_bytes() {
    case $file_system in
    ext*) as_root dumpe2fs -h "/dev/$device" 2>/dev/null |
        awk '/^Block count:/ { count = $3 } /^Block size:/ { size = $3 } END { printf "%.0f\n", count * size }' ;;
    xfs) as_root xfs_info "$mount_point" |
        sed -nE 's/^data .*bsize=([0-9]+) +blocks=([0-9]+),.*/\1 \2/p' | awk '{ printf "%.0f\n", $1 * $2 }' ;;
    esac
}

grow_file_system() {
    local filled
    if can_look; then
        filled=$(file_system_bytes)
        [[ $filled =~ ^[1-9][0-9]*$ ]] || fail "the size of $mount_point ($file_system on /dev/$device) cannot be read"
        (($(bytes_of "$device") - filled >= SLACK_BYTES)) || return 0
    fi
    case $file_system in
    ext*) run_as_root resize2fs "/dev/$device" ;;
    xfs) run_as_root xfs_growfs -d "$mount_point" ;;
    esac
}

report() {
    local size
    size=$(df -h --output=size "$mount_point" | tail -n 1 | tr -d ' ')
    if [[ $changes == no ]]; then
        say "Nothing to do: $volume has $gib GiB; $mount_point has $size, and there is no room behind it."
    elif [[ $dry_run == yes ]]; then
        say "Nothing was changed: this was a dry run."
    else
        say "Done: $volume has $gib GiB; $mount_point has $size."
    fi
}

main "$@"
