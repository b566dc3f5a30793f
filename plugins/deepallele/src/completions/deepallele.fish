# Completion of deepallele in fish. The commands are those that deepallele finds; what follows a command is completed as
# for the program deepallele-NAME.

function __deepallele_at_command
    set -l words (commandline -opc)
    test (count $words) -eq 1; or begin
        test (count $words) -eq 2; and test $words[2] = help
    end
end

# The program as it was typed, as the shell resolves it.
function __deepallele_door
    set -l words (commandline -opc)
    string replace -r '^~' $HOME -- $words[1]
end

# Each with its description after a tab, as fish wants it.
function __deepallele_commands
    set -l door (__deepallele_door)
    command $door --list-commands 2>/dev/null
end

# What fish would offer for the program itself. fish must find the program, which may be in the folder of deepallele.
function __deepallele_after_command
    set -l words (commandline -opc)
    set -lx PATH (dirname (realpath (command -s (__deepallele_door)))) $PATH
    set -l rest (string escape -- $words[3..-1])
    complete -C (string join ' ' -- deepallele-$words[2] $rest (commandline -ct))
end

complete -c deepallele -f
complete -c deepallele -n __deepallele_at_command -a '(__deepallele_commands)'
complete -c deepallele -n 'test (count (commandline -opc)) -eq 1' -a help -d 'manual page of a command'
complete -c deepallele -n 'test (count (commandline -opc)) -eq 1' -s h -l help -d 'list the commands found'
complete -c deepallele -n 'test (count (commandline -opc)) -eq 1' -s V -l version -d 'print version'
complete -c deepallele -n 'not __deepallele_at_command' -a '(__deepallele_after_command)'
