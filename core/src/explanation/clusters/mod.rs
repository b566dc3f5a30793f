//! Clusters of seqlets that are alike, and the motif of each cluster.
//!
//! | module | what it holds |
//! |---|---|
//! | [`similarity`] | distance of two contribution matrices over all offsets and both strands |
//! | [`linkage`] | complete linkage, cut at a threshold |
//! | [`contribution_motif`] | the mean contribution matrix of a cluster, and base frequencies for motif databases |
//! | [`tree`] | a tree of a few motifs by average linkage |
//!
//! A contribution matrix has the shape (length, 4): contributions of A, C, G and T at each position of a seqlet. The
//! published clusters are of normalised attributions times the sign of the seqlet.

pub mod contribution_motif;
pub mod linkage;
pub mod similarity;
pub mod tree;
