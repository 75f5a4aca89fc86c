# Completion of imgadm in fish, made by python -m imgadm.cli.reference.completions.

# Tells whether the command is one of the arguments. Without any, whether there is no command yet.
function __imgadm_is
    set -l words (commandline -opc)
    set -e words[1]
    for word in $words
        if not string match -q -- '-*' $word
            contains -- $word $argv
            return
        end
    end
    test (count $argv) -eq 0
end

# Prints the words that a command prints, one a line, with a description after a tab.
function __imgadm_lookup
    command -q imgadm
    and $argv 2>/dev/null | string replace -r ' +' \t | string replace -ra ' +' ' '
end

function __imgadm_available
    __imgadm_lookup env IMGADM_PATIENCE=2 imgadm avail -H -o uuid,name,version
end

function __imgadm_installed
    set -l words (commandline -opc)
    set -l at (contains -i -- -P $words)
    and set -l pool -P $words[(math $at + 1)]
    __imgadm_lookup env IMGADM_PATIENCE=2 imgadm list -H -o uuid,name,version $pool
end

function __imgadm_pools
    command -q zpool
    and zpool list -Ho name 2>/dev/null | string replace -r '$' \tzpool
    __fish_complete_directories (commandline -ct)
end

function __imgadm_machines
    command -q vmadm
    and __imgadm_lookup vmadm list -H -o uuid,alias
end

function __imgadm_sources
    __imgadm_lookup env IMGADM_PATIENCE=2 imgadm sources
end

complete -c imgadm -f
complete -c imgadm -n __imgadm_is -s h -l help -d 'Show this help'
complete -c imgadm -n __imgadm_is -l version -d 'Print the version of imgadm'
complete -c imgadm -n __imgadm_is -s v -l verbose -d 'Write all log records, and the stack of an error, to stderr'
complete -c imgadm -n __imgadm_is -s E -d 'On failure, print the error as a JSON object in the last line of stderr'
complete -c imgadm -n __imgadm_is -a help -d 'Show help on imgadm or on one command'
complete -c imgadm -n __imgadm_is -a sources -d 'List and edit image sources'
complete -c imgadm -n __imgadm_is -a avail -d 'List the images in the sources'
complete -c imgadm -n __imgadm_is -a show -d 'Show the manifest of an available image'
complete -c imgadm -n __imgadm_is -a import -d 'Import an image from a source, with all images that it is based on'
complete -c imgadm -n __imgadm_is -a install -d 'Install an image from local files, or a disk'
complete -c imgadm -n __imgadm_is -a list -d 'List installed images'
complete -c imgadm -n __imgadm_is -a get -d 'Show all facts about an installed image'
complete -c imgadm -n __imgadm_is -a update -d 'Update the records of installed images from the sources'
complete -c imgadm -n __imgadm_is -a delete -d 'Remove an installed image'
complete -c imgadm -n __imgadm_is -a ancestry -d 'List an installed image and all images below it'
complete -c imgadm -n __imgadm_is -a vacuum -d 'Delete installed images that nothing uses'
complete -c imgadm -n __imgadm_is -a create -d 'Create an image from a virtual machine or a disk'
complete -c imgadm -n __imgadm_is -a publish -d 'Publish an image from local files to an image server'
complete -c imgadm -n __imgadm_is -a serve -d 'Serve images to other hosts'
complete -c imgadm -n '__imgadm_is help' -a 'help sources avail show import install list get update delete ancestry vacuum create publish serve'
complete -c imgadm -n '__imgadm_is sources' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is sources' -s v -l verbose -d 'Also list the type and the TLS setting of each source'
complete -c imgadm -n '__imgadm_is sources' -s j -l json -d 'List the sources as JSON'
complete -c imgadm -n '__imgadm_is sources' -s a -x -d 'Add the source at this URL'
complete -c imgadm -n '__imgadm_is sources' -s d -x -a '(__imgadm_sources)' -d 'Delete the sources at this URL'
complete -c imgadm -n '__imgadm_is sources' -s e -d 'Edit the sources in $VISUAL, $EDITOR or vi'
complete -c imgadm -n '__imgadm_is sources' -s c -l check -d 'Check whether the sources answer'
complete -c imgadm -n '__imgadm_is sources' -s t -l type -x -a 'imgapi dsapi docker' -d 'The type of the added source: imgapi (the default), dsapi, or docker for a Docker or OCI registry'
complete -c imgadm -n '__imgadm_is sources' -s k -l insecure -d 'Do not check the TLS certificate of the added source'
complete -c imgadm -n '__imgadm_is sources' -s f -l force -d 'Add or save sources without checking whether they answer'
complete -c imgadm -n '__imgadm_is avail available' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is avail available' -s j -l json -d 'Print JSON instead of a table'
complete -c imgadm -n '__imgadm_is avail available' -s H -d 'Print no header above the table'
complete -c imgadm -n '__imgadm_is avail available' -s o -x -d 'The columns of the table'
complete -c imgadm -n '__imgadm_is avail available' -s s -x -d 'The fields to sort by, the most important first'
complete -c imgadm -n '__imgadm_is show' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is show' -l platform -x -d 'The platform that an image from a registry is wanted for, such as linux/arm64 or linux/arm/v7'
complete -c imgadm -n '__imgadm_is show' -a '(__imgadm_available)'
complete -c imgadm -n '__imgadm_is import' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is import' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is import' -s S -l source -x -a '(__imgadm_sources)' -d 'Ask only the image server at this URL, and none of the configured sources'
complete -c imgadm -n '__imgadm_is import' -s C -l channel -x -d 'Ask all sources for images of this channel'
complete -c imgadm -n '__imgadm_is import' -l platform -x -d 'The platform that an image from a registry is wanted for, such as linux/arm64 or linux/arm/v7'
complete -c imgadm -n '__imgadm_is import' -s q -l quiet -d 'Show no progress'
complete -c imgadm -n '__imgadm_is import' -l json -d 'Print each event as a JSON object on a line of its own'
complete -c imgadm -n '__imgadm_is import' -l no-wait -d 'Fail at once if another process is working on the image'
complete -c imgadm -n '__imgadm_is import' -l zstream -d 'Take a plain ZFS stream without a known size and checksum, as imgadm serve sends images of zpools'
complete -c imgadm -n '__imgadm_is import' -l unverified -d 'Import an image whose file cannot be verified, because its manifest has no sha1 and its server sends no Content-MD5'
complete -c imgadm -n '__imgadm_is import' -l verify-origins -d 'Fail if the image is based on an installed image that the source does not have with the same SHA-1'
complete -c imgadm -n '__imgadm_is import' -a '(__imgadm_available)'
complete -c imgadm -n '__imgadm_is install' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is install' -s m -r -F -d 'The manifest of the image'
complete -c imgadm -n '__imgadm_is install' -s f -r -F -d 'The file of the image'
complete -c imgadm -n '__imgadm_is install' -l disk -r -F -d 'Install this disk: a file, a block device, or the http or https URL of a raw disk'
complete -c imgadm -n '__imgadm_is install' -l format -x -d 'The format of the disk: "raw", "qcow2", "vmdk", "vhdx", "vpc" or "vdi"'
complete -c imgadm -n '__imgadm_is install' -l block-size -x -d 'The volblocksize of the volume, a power of two from 512 to 131072 bytes'
complete -c imgadm -n '__imgadm_is install' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is install' -s q -l quiet -d 'Show no progress'
complete -c imgadm -n '__imgadm_is install' -l json -d 'Print each event as a JSON object on a line of its own'
complete -c imgadm -n '__imgadm_is install' -l no-wait -d 'Fail at once if another process is working on the image'
complete -c imgadm -n '__imgadm_is list' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is list' -s j -l json -d 'Print JSON instead of a table'
complete -c imgadm -n '__imgadm_is list' -s H -d 'Print no header above the table'
complete -c imgadm -n '__imgadm_is list' -s o -x -d 'The columns of the table'
complete -c imgadm -n '__imgadm_is list' -s s -x -d 'The fields to sort by, the most important first'
complete -c imgadm -n '__imgadm_is list' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is list' -l docker -d 'List only tagged Docker images, with the columns of the docker command'
complete -c imgadm -n '__imgadm_is get info' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is get info' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is get info' -s r -d 'Add the snapshots and the clones of the image as `children`'
complete -c imgadm -n '__imgadm_is get info' -a '(__imgadm_installed)'
complete -c imgadm -n '__imgadm_is update' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is update' -s n -l dry-run -d 'Print what would change, and change nothing'
complete -c imgadm -n '__imgadm_is update' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is update' -l no-wait -d 'Fail at once if another process is working on the image'
complete -c imgadm -n '__imgadm_is update' -a '(__imgadm_installed)'
complete -c imgadm -n '__imgadm_is delete destroy' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is delete destroy' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is delete destroy' -l no-wait -d 'Fail at once if another process is working on the image'
complete -c imgadm -n '__imgadm_is delete destroy' -a '(__imgadm_installed)'
complete -c imgadm -n '__imgadm_is ancestry' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is ancestry' -s j -l json -d 'Print JSON instead of a table'
complete -c imgadm -n '__imgadm_is ancestry' -s H -d 'Print no header above the table'
complete -c imgadm -n '__imgadm_is ancestry' -s o -x -d 'The columns of the table'
complete -c imgadm -n '__imgadm_is ancestry' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is ancestry' -a '(__imgadm_installed)'
complete -c imgadm -n '__imgadm_is vacuum' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is vacuum' -s n -l dry-run -d 'Print what would be deleted, without asking, and delete nothing'
complete -c imgadm -n '__imgadm_is vacuum' -s f -l force -d 'Delete without asking'
complete -c imgadm -n '__imgadm_is vacuum' -s t -x -d 'Keep images that were installed less than <age> ago: a number with s, m, h, d or w, as in 2d for two days'
complete -c imgadm -n '__imgadm_is vacuum' -s x -x -a '(__imgadm_installed)' -d 'Keep this image and the images that it is based on'
complete -c imgadm -n '__imgadm_is vacuum' -l records -d 'Also remove the records of images whose datasets another program than imgadm has destroyed'
complete -c imgadm -n '__imgadm_is vacuum' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is vacuum' -l no-wait -d 'Fail at once if another process is working on the image'
complete -c imgadm -n '__imgadm_is create' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is create' -s m -r -F -d 'A file with a JSON object of manifest fields; "-" is the standard input'
complete -c imgadm -n '__imgadm_is create' -s o -l output-template -r -F -d 'Where to write the two files: an existing directory, or a path that their suffixes are added to'
complete -c imgadm -n '__imgadm_is create' -l overwrite -d 'Replace existing files'
complete -c imgadm -n '__imgadm_is create' -s c -l compression -x -d 'How to compress the image file: "none" (the default), "gzip", "bzip2", "xz" or "zstd"'
complete -c imgadm -n '__imgadm_is create' -l level -x -d 'The level of compression: 1 (fastest) to 9 (smallest), or to 19 for zstd'
complete -c imgadm -n '__imgadm_is create' -s i -l incremental -d 'Store only the differences from the image that the machine, or the disk, was made from'
complete -c imgadm -n '__imgadm_is create' -l max-origin-depth -x -d 'Fail if the machine is based on a chain of more than <n> images'
complete -c imgadm -n '__imgadm_is create' -s s -r -F -d 'Run this script inside the machine before the image is made, and roll the machine back afterwards'
complete -c imgadm -n '__imgadm_is create' -s p -l publish -x -d 'Publish to the image server at this URL instead of writing files'
complete -c imgadm -n '__imgadm_is create' -s k -l insecure -d 'Do not check the TLS certificate of the server at the URL'
complete -c imgadm -n '__imgadm_is create' -l token-file -r -F -d 'A file with the token that the server wants as a bearer token'
complete -c imgadm -n '__imgadm_is create' -l disk -r -F -d 'Create the image from this disk, a file or a block device, instead of a machine'
complete -c imgadm -n '__imgadm_is create' -l format -x -d 'The format of the disk: "raw", "qcow2", "vmdk", "vhdx", "vpc" or "vdi"'
complete -c imgadm -n '__imgadm_is create' -l block-size -x -d 'The volblocksize of the volume, a power of two from 512 to 131072 bytes'
complete -c imgadm -n '__imgadm_is create' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is create' -s q -l quiet -d 'Show no progress'
complete -c imgadm -n '__imgadm_is create' -l no-wait -d 'Fail at once if another process is creating an image of the machine, or is working on the origin of the disk'
complete -c imgadm -n '__imgadm_is create' -a '(__imgadm_machines)'
complete -c imgadm -n '__imgadm_is publish' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is publish' -s m -r -F -d 'The manifest of the image'
complete -c imgadm -n '__imgadm_is publish' -s f -r -F -d 'The file of the image'
complete -c imgadm -n '__imgadm_is publish' -s k -l insecure -d 'Do not check the TLS certificate of the server at the URL'
complete -c imgadm -n '__imgadm_is publish' -l token-file -r -F -d 'A file with the token that the server wants as a bearer token'
complete -c imgadm -n '__imgadm_is publish' -s q -l quiet -d 'Show no progress'
complete -c imgadm -n '__imgadm_is publish' -l json -d 'Print each event as a JSON object on a line of its own'
complete -c imgadm -n '__imgadm_is serve' -s h -l help -d 'Show this help'
complete -c imgadm -n '__imgadm_is serve' -s l -l listen -x -d 'The address and port to listen on'
complete -c imgadm -n '__imgadm_is serve' -s i -l installed -d 'Also serve the installed images, if folders are given'
complete -c imgadm -n '__imgadm_is serve' -s P -x -a '(__imgadm_pools)' -d 'The pool: the name of a zpool, or the path of a directory, with a slash in it'
complete -c imgadm -n '__imgadm_is serve' -s q -l quiet -d 'Print no line for each request'
complete -c imgadm -n '__imgadm_is serve' -s w -l writable -d 'Also accept images from imgadm publish, into the one folder that is served'
complete -c imgadm -n '__imgadm_is serve' -l token-file -r -F -d 'A file with the token that clients must send to change images (Authorization: Bearer TOKEN): one line of at least 16 letters and digits'
complete -c imgadm -n '__imgadm_is serve' -l max-upload -x -d 'The size of the largest image file to accept, such as 512M'
complete -c imgadm -n '__imgadm_is serve' -l host-name -x -d 'A name of this server that clients may use in URLs, besides its addresses and localhost'
complete -c imgadm -n '__imgadm_is serve' -a '(__fish_complete_directories (commandline -ct))'
