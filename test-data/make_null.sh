#!/bin/sh
# Makes the null data of this folder from the test data of htsjdk 4.1.3:
#   ./make_null.sh READS.bam human_g1k_v37.20.fa.gz
# READS.bam holds NA12878, whole genome, 20:10.0-10.2 Mb in b37; the FASTA is the whole chromosome, indexed.
# Nothing here looks at alleles: reads are left out by flag, qualities are rounded, the FASTA is cut by position.
# Run in an empty folder with samtools and bcftools 1.16.
set -eu
reads=$1
genome=$2

# The chromosome with its coordinates; beyond the reads it is N.
{
    echo ">20"
    {
        head -c 9990000 /dev/zero | tr '\0' N
        samtools faidx "$genome" 20:9990001-10260000 | tail -n +2 | tr -d '\n' | tr acgt ACGT
        head -c 52765520 /dev/zero | tr '\0' N
    } | fold -w 60
    echo
} | bgzip -c > chr20.b37.fa.gz
samtools faidx chr20.b37.fa.gz

# Eight levels of base quality, as newer sequencers write them.
cat > levels.awk <<'AWK'
BEGIN {
    FS = OFS = "\t"
    for (q = 0; q < 94; q++) {
        level = q < 2 ? q : q < 10 ? 6 : q < 20 ? 15 : q < 25 ? 22 : q < 30 ? 27 : q < 35 ? 33 : q < 40 ? 37 : 40
        to[sprintf("%c", q + 33)] = sprintf("%c", level + 33)
    }
}
/^@/ { print; next }
{
    levels = ""
    for (i = 1; i <= length($11); i++) levels = levels to[substr($11, i, 1)]
    $11 = levels
    print
}
AWK

# Without duplicates and what else count leaves out by flag, without other tags, and mostly without names.
options="version=3.0,level=9,use_bzip2=1,use_lzma=1,seqs_per_slice=50000,lossy_names=1"
{
    samtools view -H "$reads" | grep -v -e '^@PG' -e 'SN:21' | sed 's/^@SQ.*/@SQ\tSN:20\tLN:63025520/'
    samtools view -F 3844 "$reads"
} | LC_ALL=C awk -f levels.awk \
    | samtools view --no-PG -C -T chr20.b37.fa.gz --output-fmt-option "$options" --keep-tag RG -o named.cram -
samtools view --no-PG -H named.cram | sed 's/UR:[^\t]*/UR:chr20.b37.fa.gz/' > header.sam
samtools reheader -P header.sam named.cram > na12878_wgs.chr20.cram
samtools index na12878_wgs.chr20.cram
rm levels.awk named.cram header.sam

# Calls from these very reads, without phase.
bcftools mpileup -f chr20.b37.fa.gz -a AD na12878_wgs.chr20.cram | bcftools call -mv | bcftools view -i 'QUAL>=20' \
    | grep -v -e '^##bcftools' -e '^##reference' | bgzip -c > NA12878.chr20.unphased.vcf.gz
tabix -p vcf NA12878.chr20.unphased.vcf.gz
